import process from 'node:process'
import type { Command } from 'commander'
import type { Difference } from '../db/catalogue/finding.ts'
import { exitStatus } from './exit-status.ts'
import { type Fault, toFault } from './fault.ts'
import { printable } from './printable.ts'
import { isInformation, toUsageFault } from './usage.ts'

/** Tells why a command ended, to whoever gave it, and answers the exit status. */
export async function reportError(
  error: unknown,
  { program, argv }: { readonly program: Command; readonly argv: readonly string[] },
): Promise<number> {
  if (isInformation(error)) return exitStatus.done
  const fault = toUsageFault(error, program, argv) ?? (await toFault(error))
  writeFault(fault, argv.includes('--json'))
  if (fault.isUnexpected && error instanceof Error && (await wantsStack())) process.stderr.write(`${error.stack}\n`)
  return fault.exitStatus
}

function writeFault({ code, message, hint, findings }: Fault, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, hint, findings } }, null, 2)}\n`)
  else {
    const list = (findings ?? []).map(describeFinding).join('')
    process.stderr.write(
      `error: ${message}\n${list}${hint === null ? '' : `${list === '' ? '' : '\n'}hint: ${hint}\n`}`,
    )
  }
}

function describeFinding({ object, wanted, found, remedy }: Difference): string {
  const lines = [`  wanted: ${wanted}`, `  found:  ${found}`, ...remedy.map((statement) => `    ${statement}`)]
  return `\n${[object, ...lines].map(printable).join('\n')}\n`
}

async function wantsStack(): Promise<boolean> {
  try {
    const { loadConfig } = await import('../config/config.ts')
    return ['debug', 'trace'].includes(loadConfig().logLevel)
  } catch {
    return false
  }
}

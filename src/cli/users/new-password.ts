import process from 'node:process'
import { buffer } from 'node:stream/consumers'
import { generatePassword } from '../../ops/users/password.ts'
import { defaultPassword, readPassword } from '../../runtime/password-rules.ts'
import { CliError, usageError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'
import { printable } from '../printable.ts'
import type { Session } from '../session.ts'

export interface PasswordOptions {
  readonly passwordStdin?: boolean
  readonly generate?: boolean
}

export interface NewPassword {
  readonly password: string
  /** Then somebody has to be told. */
  readonly isGenerated: boolean
}

/** Ends a command that could not get at a password, before it has looked at anything. */
export function requirePasswordSource(session: Session, { passwordStdin, generate }: PasswordOptions): void {
  if (passwordStdin === true && generate === true)
    throw usageError('--password-stdin and --generate exclude each other')
  if (passwordStdin === true && process.stdin.isTTY === true) {
    throw usageError(
      'standard input is a terminal, which would show the password',
      'leave out --password-stdin to be asked for it, or pipe it in',
    )
  }
  if (passwordStdin === true || generate === true || session.isInteractive) return
  throw usageError(
    'without a terminal nobody can be asked for the password',
    'pipe it in with --password-stdin, or let --generate make one',
  )
}

/** The password that the user of that address is to have. It never comes as an argument, which every user of the machine can see. */
export async function obtainPassword(options: PasswordOptions, email: string): Promise<NewPassword> {
  if (options.generate === true) return { password: generatePassword(), isGenerated: true }
  const text = options.passwordStdin === true ? await readStandardInput() : await askTwice(email)
  const reading =
    text === defaultPassword ? { reason: 'is the default one, which everybody knows' } : readPassword(text)
  if ('value' in reading) return { password: reading.value, isGenerated: false }
  throw new CliError(`the password ${reading.reason}`, {
    code: 'PASSWORD_REFUSED',
    hint: 'choose another, or let --generate make one',
    exitStatus: exitStatus.usage,
  })
}

/** Without the one line end that `echo` adds. */
async function readStandardInput(): Promise<string> {
  const bytes = await buffer(process.stdin)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch {
    throw usageError('standard input is not UTF-8')
  }
}

async function askTwice(email: string): Promise<string> {
  const { askSecrets } = await import('../secret-question.ts')
  const answers = await askSecrets([`New password for ${printable(email)}: `, 'The same again: '])
  const [first, second] = answers ?? []
  if (first === undefined || second === undefined) {
    throw new CliError('nothing was changed', { code: 'DECLINED', exitStatus: exitStatus.failed })
  }
  if (first === second) return first
  throw new CliError('the two passwords differ; nothing was changed', {
    code: 'PASSWORDS_DIFFER',
    exitStatus: exitStatus.failed,
  })
}

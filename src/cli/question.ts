import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { exitStatus } from './exit-status.ts'

/** Asks on standard error, which keeps the answer of the command clean. Anything but a yes, the end of the input too, is a no. */
export async function askYesOrNo(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const closed = new Promise<string>((resolve) => {
    lines.once('close', () => resolve(''))
  })
  // In raw mode Ctrl-C comes as a character.
  lines.once('SIGINT', () => process.exit(exitStatus.interrupted))
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed])
    return /^\s*(y|yes|д|да)\s*$/i.test(answer)
  } finally {
    lines.close()
  }
}

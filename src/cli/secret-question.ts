import process from 'node:process'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { exitStatus } from './exit-status.ts'

/**
 * Asks on standard error, one question after the other, without showing what is typed. Only at a terminal. Undefined when the input
 * ends before all are answered.
 */
export async function askSecrets(questions: readonly string[]): Promise<string[] | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  // As a terminal, so that the line can be edited; one for all questions, so that answers pasted in one go are not lost.
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 })
  // In raw mode Ctrl-C comes as a character.
  lines.once('SIGINT', () => process.exit(exitStatus.interrupted))
  const typed = lines[Symbol.asyncIterator]()
  const answers: string[] = []
  try {
    for (const question of questions) {
      process.stderr.write(question)
      const { done, value } = await typed.next()
      process.stderr.write('\n')
      if (done === true) return undefined
      answers.push(value)
    }
    return answers
  } finally {
    lines.close()
  }
}

import process from 'node:process'
import type { Command } from 'commander'
import type { Answer } from './answer.ts'
import { exitStatus } from './exit-status.ts'
import type { Session } from './session.ts'

/**
 * Makes `handler` what the command does. It is given the command's arguments and options in commander's order; what it answers, unless it
 * has written all by itself, is written, what it opened is closed, and Ctrl-C ends the process at once, unless the handler itself listens for it (`endsInOrder`).
 */
export function answers<Given extends unknown[]>(
  command: Command,
  handler: (session: Session, ...given: Given) => Promise<Answer | undefined>,
  { endsInOrder = false }: { readonly endsInOrder?: boolean } = {},
): void {
  command.action(async (...given: Given) => {
    if (!endsInOrder) process.once('SIGINT', () => process.exit(exitStatus.interrupted))
    const [{ Session }, { writeAnswer }] = await Promise.all([import('./session.ts'), import('./answer.ts')])
    const session = new Session({ json: command.optsWithGlobals().json === true })
    try {
      const answer = await handler(session, ...given)
      if (answer !== undefined) await writeAnswer(answer, session)
      process.exitCode = answer?.exitStatus ?? exitStatus.done
    } finally {
      await session.close()
    }
  })
}

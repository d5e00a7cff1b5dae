import type { Command } from 'commander'
import { answers } from '../action.ts'
import type { StatusOptions } from '../status/status.ts'

export function addStatusCommand(program: Command): void {
  const status = program
    .command('status')
    .description('the fleet at a glance: what stands still, what waits, what went out and what did not, and who works')
    .option('--watch', 'again every 2 seconds, until Ctrl-C')
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet status\n  $ fleet status --watch\n  $ fleet status --json | jq .email.due',
    )
  answers(
    status,
    async (session, options: StatusOptions) => (await import('../status/status.ts')).showStatus(session, options),
    { endsInOrder: true },
  )
}

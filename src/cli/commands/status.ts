import type { Command } from 'commander'
import { answers } from '../action.ts'

export function addStatusCommand(program: Command): void {
  const status = program
    .command('status')
    .description('the fleet at a glance: what waits, what went out and what did not, and who works')
    .addHelpText('after', '\nExamples:\n  $ fleet status\n  $ fleet status --json | jq .email.due')
  answers(status, async (session) => {
    const { showStatus } = await import('../status.ts')
    return showStatus(session)
  })
}

import type { Command } from 'commander'
import { answers } from '../action.ts'
import { momentForms, readMoment } from '../moments.ts'
import { by, once, wholeNumber } from '../option-parsers.ts'
import type { Session } from '../session.ts'
import type { SweepOptions } from '../sweep/sweep.ts'

const largestMax = 100_000_000

export function addSweepCommand(program: Command): void {
  const sweep = program
    .command('sweep')
    .summary('one pass over subscriptions that end: notices, states')
    .description(
      'One pass over subscriptions that end or have ended: writes the notices that are due, and moves states on. For cron; it may run beside the lifecycle worker, and several times at once.',
    )
    .option('--plan', 'only say who would get what, and why others would not')
    .option(
      '--at <time>',
      'with --plan: as if it were then; ISO, UTC unless said, or from now on as 7d',
      once(by(readMoment, momentForms)),
    )
    .option('--baseline', 'mark what is past as known and send nothing: for a first run on an old database')
    .option('--max <number>', 'change as many as this, once, whatever is configured', once(wholeNumber(1, largestMax)))
    .addHelpText(
      'after',
      '\nEnds with 3, having changed nothing, where it would change more at once than is configured, or where the clocks of this host and of the database differ.\n' +
        '\nExamples:\n  $ fleet sweep --plan\n  $ fleet sweep --plan --at 2026-12-23T09:00+03:00\n' +
        '  $ fleet sweep --baseline --plan\n  $ fleet sweep',
    )
  const handle = async (session: Session, options: SweepOptions) =>
    (await import('../sweep/sweep.ts')).sweepOrPlan(session, options)
  answers(sweep, handle, { endsInOrder: true })
}

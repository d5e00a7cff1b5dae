import type { Command } from 'commander'
import { answers } from '../action.ts'
import type { EnableOptions } from '../migrate/rls.ts'

/** `fleet migrate rls …`: the switches of row-level security. Its policies are made by `fleet migrate up`. */
export function addRowSecurityCommands(migrate: Command): void {
  const rls = migrate
    .command('rls')
    .summary('switch row-level security on or off')
    .description(
      'switch row-level security on or off; "fleet migrate up" makes the policies, which stand idle until then',
    )
    .addHelpText('after', '\nExamples:\n  $ fleet migrate rls status\n  $ fleet migrate rls enable --dry-run')

  const status = rls
    .command('status')
    .description('where it is on, and who would lose sight of rows if it were')
    .addHelpText('after', '\nExample:\n  $ fleet migrate rls status')
  answers(status, async (session) => (await commands()).showRowSecurity(session))

  const enable = rls
    .command('enable')
    .description('switch it on, after naming every role that would lose sight of rows that it has a right to')
    .option('--force', "also for the tables' owners")
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask where somebody would')
    .addHelpText('after', '\nExamples:\n  $ fleet migrate rls enable --dry-run\n  $ fleet migrate rls enable --yes')
  answers(enable, async (session, options: EnableOptions) => (await commands()).enable(session, options))

  const disable = rls
    .command('disable')
    .description('switch it off where the fleet has switched it on')
    .option('--dry-run', 'only say what it would do')
    .addHelpText('after', '\nExample:\n  $ fleet migrate rls disable')
  answers(disable, async (session, options: { dryRun?: boolean }) => (await commands()).disable(session, options))
}

function commands(): Promise<typeof import('../migrate/rls.ts')> {
  return import('../migrate/rls.ts')
}

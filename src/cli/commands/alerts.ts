import type { Command } from 'commander'
import { answers } from '../action.ts'

export function addAlertsCommands(program: Command): void {
  const alerts = program
    .command('alerts')
    .description('what the administrator is told of')
    .addHelpText('after', '\nExamples:\n  $ fleet alerts list\n  $ fleet alerts check')
  const list = alerts
    .command('list', { isDefault: true })
    .description('alerts in force, and those that have been over for a day at most')
    .addHelpText('after', '\nExample:\n  $ fleet alerts list')
  answers(list, async (session) => (await import('../alerts.ts')).showAlerts(session))

  const check = alerts
    .command('check')
    .summary('look once, and tell what is due')
    .description(
      'Looks once for what is wrong and tells the administrator, as workers do every 30 seconds: for cron, where even no worker being ' +
        'alive is to be told. Ends with 3 while an alert is in force.',
    )
    .addHelpText('after', '\nExample:\n  $ fleet alerts check')
  answers(check, async (session) => (await import('../alerts.ts')).check(session))
}

import { Command } from 'commander'
import { version } from '../runtime/version.ts'
import { addAdoptDatabaseCommand } from './commands/adopt-database.ts'
import { addAlertsCommands } from './commands/alerts.ts'
import { addCompanyCommands } from './commands/company.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addEmailCommands } from './commands/email.ts'
import { addForgetCommand } from './commands/forget.ts'
import { addMigrateCommands } from './commands/migrate.ts'
import { addNotificationCommands } from './commands/notification.ts'
import { addQueueCommands } from './commands/queue.ts'
import { addReplayCommands } from './commands/replay.ts'
import { addSearchCommand } from './commands/search.ts'
import { addStatusCommand } from './commands/status.ts'
import { addSweepCommand } from './commands/sweep.ts'
import { addUpCommand } from './commands/up.ts'
import { addUsersCommands } from './commands/users.ts'
import { addSubscriptionCommands } from './commands/why.ts'

const exits = `
Exit status:
  0 done, 1 failed, 2 wrong usage, 3 a check found something,
  4 the database or a server is out of reach, 78 configuration

Example:
  $ fleet status
  $ fleet email list --status failed --since 2h`

/** Every command with its arguments. What they do is loaded when one of them runs. */
export function createProgram(): Command {
  const program = new Command('fleet')
    .description('The background workers of Vertex AR: e-mail, notifications and subscription lifecycle.')
    .version(version, '-V, --version', 'print the version')
    .option('--json', 'answer with one JSON document on standard output')
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ showGlobalOptions: true })
    // Errors are told by whoever catches them, as text or as JSON.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText('after', exits)
  addUpCommand(program)
  addMigrateCommands(program)
  addEmailCommands(program)
  addReplayCommands(program)
  addNotificationCommands(program)
  addQueueCommands(program)
  addSubscriptionCommands(program)
  addCompanyCommands(program)
  addUsersCommands(program)
  addSweepCommand(program)
  addStatusCommand(program)
  addSearchCommand(program)
  addAlertsCommands(program)
  addDoctorCommand(program)
  addForgetCommand(program)
  addAdoptDatabaseCommand(program)
  return program
}

import type { Command } from 'commander'
import { answers } from '../action.ts'
import type { ChangeSchemaOptions } from '../migrate/change.ts'

const databaseNote = 'It uses DATABASE_DIRECT_URL, or else DATABASE_URL, or else the running embedded PostgreSQL.'

export function addMigrateCommands(program: Command): void {
  const migrate = program
    .command('migrate')
    .summary('bring the schema of the database up to date, or back')
    .description(`bring the schema of the database up to date, or back. ${databaseNote}`)
    .addHelpText('after', '\nExamples:\n  $ fleet migrate status\n  $ fleet migrate up')
  addChanges(migrate)
  addViews(migrate)
}

function addChanges(migrate: Command): void {
  const up = migrate
    .command('up')
    .description('apply what is pending, oldest first, each migration in a transaction of its own')
    .option('--dry-run', 'only say what it would do')
    .addHelpText('after', '\nExample:\n  $ fleet migrate up')
  answers(up, async (session, options: ChangeSchemaOptions) => (await change()).migrateUpwards(session, options))

  const down = migrate
    .command('down')
    .description('revert the migration that was applied last, with the rows that its tables hold')
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExamples:\n  $ fleet migrate down --dry-run\n  $ fleet migrate down --yes')
  answers(down, async (session, options: ChangeSchemaOptions) => (await change()).migrateOneDown(session, options))

  const to = migrate
    .command('to')
    .description('apply or revert until NAME is the migration that was applied last')
    .argument('<name>', 'as "fleet migrate status" shows it')
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask, also where it reverts')
    .addHelpText('after', '\nExample:\n  $ fleet migrate to 20260201000300_install_pgboss')
  answers(to, async (session, name: string, options: ChangeSchemaOptions) => {
    return (await change()).migrateToName(session, name, options)
  })
}

function addViews(migrate: Command): void {
  const status = migrate
    .command('status')
    .description('every migration, and when it was applied')
    .addHelpText('after', '\nExample:\n  $ fleet migrate status')
  answers(status, async (session) => (await views()).showMigrations(session))

  const history = migrate
    .command('history')
    .description('the migrations that were applied, with their times')
    .addHelpText('after', '\nExample:\n  $ fleet migrate history --json')
  answers(history, async (session) => (await views()).showHistory(session))

  const current = migrate
    .command('current')
    .description('the migration that was applied last')
    .addHelpText('after', '\nExample:\n  $ fleet migrate current')
  answers(current, async (session) => (await views()).showCurrent(session))
}

function change(): Promise<typeof import('../migrate/change.ts')> {
  return import('../migrate/change.ts')
}

function views(): Promise<typeof import('../migrate/views.ts')> {
  return import('../migrate/views.ts')
}

import type { Command } from 'commander'
import { answers } from '../action.ts'
import type { ConsentOptions } from '../consent.ts'
import type { ChangeSchemaOptions, WaitOptions } from '../migrate/change.ts'
import type { ScriptOptions } from '../migrate/sql.ts'
import { wholeNumber } from '../option-parsers.ts'
import { addRowSecurityCommands } from './migrate-rls.ts'

const databaseNote = 'It uses DATABASE_DIRECT_URL, or else DATABASE_URL, or else the running embedded PostgreSQL.'

export function addMigrateCommands(program: Command): void {
  const migrate = program
    .command('migrate')
    .summary('bring the schema of the database up to date, or back')
    .description(`bring the schema of the database up to date, or back. ${databaseNote}`)
    .addHelpText('after', '\nExamples:\n  $ fleet migrate status\n  $ fleet migrate up')
  addChanges(migrate)
  addViews(migrate)
  addCheck(migrate)
  addScript(migrate)
  addStamp(migrate)
  addRowSecurityCommands(migrate)
}

const longestWaitSeconds = 86_400

/** For what takes the migration lock. */
function addWait(command: Command): Command {
  return command.option(
    '--wait <seconds>',
    'how long to wait while another process migrates; as long as it takes unless given',
    wholeNumber(0, longestWaitSeconds),
  )
}

function addChanges(migrate: Command): void {
  const up = addWait(migrate.command('up'))
    .description('apply what is pending, oldest first, each migration in a transaction of its own')
    .option('--dry-run', 'only say what it would do')
    .addHelpText('after', '\nExample:\n  $ fleet migrate up')
  answers(up, async (session, options: ChangeSchemaOptions) => (await change()).migrateUpwards(session, options))

  const down = addWait(migrate.command('down'))
    .description('revert the migration that was applied last, with the rows that its tables hold')
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExamples:\n  $ fleet migrate down --dry-run\n  $ fleet migrate down --yes')
  answers(down, async (session, options: ChangeSchemaOptions) => (await change()).migrateOneDown(session, options))

  const to = addWait(migrate.command('to'))
    .description('apply or revert until NAME is the migration that was applied last')
    .argument('<name>', 'as "fleet migrate status" shows it; "nothing" reverts them all')
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

function addCheck(migrate: Command): void {
  const check = migrate
    .command('check')
    .description('compare the database with what the migrations make; each difference comes with what mends it')
    .addHelpText('after', '\nExit status 3 where anything differs. It only reads.\n\nExample:\n  $ fleet migrate check')
  answers(check, async (session) => {
    const { checkDatabase } = await import('../migrate/check.ts')
    return checkDatabase(session)
  })
}

function addScript(migrate: Command): void {
  const script = migrate
    .command('sql')
    .description('print the SQL that "up" would execute, for psql -X -v ON_ERROR_STOP=1 -f; needs no database')
    .option('--from <name>', 'the migration applied last where it will run; "nothing" for an empty database')
    .option('--to <name>', 'the migration to be applied last afterwards')
    .option('--down', 'print the way back instead: one step, or as far as --to says')
    .addHelpText('after', '\nExamples:\n  $ fleet migrate sql > pending.sql\n  $ fleet migrate sql --from nothing')
  answers(script, async (session, options: ScriptOptions) => {
    const { printScript } = await import('../migrate/sql.ts')
    return printScript(session, options)
  })
}

function addStamp(migrate: Command): void {
  const stamp = addWait(migrate.command('stamp'))
    .description('note that NAME and all before it are applied, and none after it, without executing any')
    .argument('<name>', 'as "fleet migrate status" shows it')
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ fleet migrate stamp 20260201000300_install_pgboss --dry-run')
  answers(stamp, async (session, name: string, options: ConsentOptions & WaitOptions) => {
    const { stampName } = await import('../migrate/stamp.ts')
    return stampName(session, name, options)
  })
}

function change(): Promise<typeof import('../migrate/change.ts')> {
  return import('../migrate/change.ts')
}

function views(): Promise<typeof import('../migrate/views.ts')> {
  return import('../migrate/views.ts')
}

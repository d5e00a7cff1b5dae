import { type Kysely, sql } from 'kysely'
import { preflight } from './adoption/preflight.ts'
import { MigrationError, type MigrationStep } from './migration-error.ts'
import { createBookkeeping, noteApplied, noteReverted } from './migration-frame.ts'
import { type LockWait, withMigrationLock } from './migration-lock.ts'
import { type MigrationPlan, planDown, planTo, planUp } from './migration-plan.ts'
import { BlockedError, runMigration } from './migration-run.ts'
import { readMigrationScripts } from './migration-script.ts'
import { listMigrations, type MigrationState, readMigrationState, refuseNewer } from './migration-state.ts'

/** How the names of those migrations begin that make what the platform has made in an existing installation. */
const platformPrefix = '20260101'

/**
 * Applies what is pending, oldest first, each migration in a transaction of its own. Any number of processes may call it at once: one
 * works, the others wait for it.
 * @throws {MigrationError}
 */
export async function migrateUp<DB>(db: Kysely<DB>, wait: LockWait = {}): Promise<MigrationStep[]> {
  return migrate(db, wait, planUp)
}

/**
 * Reverts the migration applied last, with what rows its tables hold. Does nothing where none is applied.
 * @throws {MigrationError}
 */
export async function migrateDown<DB>(db: Kysely<DB>, wait: LockWait = {}): Promise<MigrationStep[]> {
  return migrate(db, wait, planDown)
}

/**
 * Applies or reverts until `target` is the migration applied last; null reverts them all and leaves nothing of the fleet behind.
 * @throws {MigrationError}
 */
export async function migrateTo<DB>(
  db: Kysely<DB>,
  target: string | null,
  wait: LockWait = {},
): Promise<MigrationStep[]> {
  return migrate(db, wait, (state) => planTo(state, target))
}

/**
 * Writes into the bookkeeping that `target` and all before it are applied as this release has them, and none after it. Executes none
 * of them: for a database whose schema came by another way, or a file that was edited without changing what it makes. What is noted
 * rightly already keeps its time and its role.
 * @throws {MigrationError} MIGRATION_NAME_UNKNOWN, MIGRATION_DATABASE_AHEAD, MIGRATION_LOCKED
 */
export async function stampMigration<DB>(db: Kysely<DB>, target: string, wait: LockWait = {}): Promise<void> {
  const scripts = await readMigrationScripts()
  const { names } = planTo({ applied: [], pending: scripts.map(({ name }) => name) }, target)
  await withMigrationLock(db, wait, async (connection) => {
    const migrations = await listMigrations(connection)
    refuseNewer(migrations)
    const right = new Set(
      migrations.filter(({ appliedAt, edited }) => appliedAt !== null && !edited).map(({ name }) => name),
    )
    const notes = scripts.flatMap(({ name, checksum }) => {
      if (!names.includes(name)) return [noteReverted(name)]
      return right.has(name) ? [] : [noteReverted(name), noteApplied(name, checksum)]
    })
    await connection.transaction().execute(async (trx) => {
      for (const statement of [createBookkeeping, ...notes]) await sql.raw(statement).execute(trx)
    })
  })
}

async function migrate<DB>(
  db: Kysely<DB>,
  wait: LockWait,
  plan: (state: MigrationState) => MigrationPlan,
): Promise<MigrationStep[]> {
  return withMigrationLock(db, wait, async (connection) => {
    const state = await readMigrationState(connection)
    const steps = plan(state)
    await refuseObstacles(connection, steps)
    return run(connection, state, steps)
  })
}

/**
 * The platform's own tables may be there already: whatever keeps them from being adopted is named before anything is touched.
 * @throws {MigrationError} MIGRATION_PREFLIGHT
 */
export async function refuseObstacles<DB>(connection: Kysely<DB>, { direction, names }: MigrationPlan): Promise<void> {
  if (direction === 'down' || !names.some((name) => name.startsWith(platformPrefix))) return
  const findings = await preflight(connection)
  if (findings.length === 0) return
  const [first] = findings
  const more = findings.length > 1 ? ` and ${findings.length - 1} more` : ''
  throw new MigrationError(`this database cannot be adopted as it is: ${first?.object}${more}`, {
    code: 'MIGRATION_PREFLIGHT',
    findings,
  })
}

async function run<DB>(
  connection: Kysely<DB>,
  { scripts }: MigrationState,
  plan: MigrationPlan,
): Promise<MigrationStep[]> {
  const { direction, names } = plan
  const done: MigrationStep[] = []
  for (const name of names) {
    const script = scripts.get(name)
    if (script === undefined) throw new Error(`no script of ${name}`)
    const startedAt = performance.now()
    try {
      await runMigration(connection, script, direction)
    } catch (error) {
      throw failed(error, { name, direction, done })
    }
    done.push({ name, direction, ms: Math.round(performance.now() - startedAt) })
  }
  return done
}

interface Failure {
  readonly name: string
  readonly direction: MigrationPlan['direction']
  readonly done: readonly MigrationStep[]
}

function failed(error: unknown, { name, direction, done }: Failure): MigrationError {
  const reason = error instanceof Error ? error.message : String(error)
  const blocked = error instanceof BlockedError
  const by = blocked && error.blockers.length > 0 ? `; ${error.blockers.join(', ')}` : ''
  return new MigrationError(`migration ${name} (${direction}) failed: ${reason}${by}`, {
    code: blocked ? 'MIGRATION_BLOCKED' : 'MIGRATION_FAILED',
    migration: name,
    done: [...done],
    cause: error,
  })
}

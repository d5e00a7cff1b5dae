import { type Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { MigrationError, type MigrationStep } from './migration-error.ts'
import { migrationFiles, migrationNames } from './migration-files.ts'
import { withMigrationLock } from './migration-lock.ts'
import { nearNames } from './near-names.ts'

export interface MigrationStatus {
  readonly name: string
  /** By the clock of the host that migrated. */
  readonly appliedAt: Date | null
  /** False where a newer release has applied it: this one has no such file. */
  readonly known: boolean
}

/**
 * Applies what is pending, oldest first, each migration in a transaction of its own. Any number of processes may call it at once: one
 * works, the others wait for it.
 * @throws {MigrationError}
 */
export async function migrateUp<DB>(db: Kysely<DB>): Promise<MigrationStep[]> {
  return withMigrationLock(db, async (connection) => {
    const { pending } = await readState(connection)
    return run(connection, 'up', pending.length)
  })
}

/**
 * Reverts the migration applied last, with what rows its tables hold. Does nothing where none is applied.
 * @throws {MigrationError}
 */
export async function migrateDown<DB>(db: Kysely<DB>): Promise<MigrationStep[]> {
  return withMigrationLock(db, async (connection) => {
    const { applied } = await readState(connection)
    return run(connection, 'down', Math.min(1, applied.length))
  })
}

/**
 * Applies or reverts until `target` is the migration applied last; null reverts them all and leaves nothing of the fleet behind.
 * @throws {MigrationError}
 */
export async function migrateTo<DB>(db: Kysely<DB>, target: string | null): Promise<MigrationStep[]> {
  return withMigrationLock(db, async (connection) => {
    const { applied, pending } = await readState(connection)
    if (target === null) return run(connection, 'down', applied.length)
    if (pending.includes(target)) return run(connection, 'up', pending.indexOf(target) + 1)
    if (applied.includes(target)) return run(connection, 'down', applied.length - 1 - applied.indexOf(target))
    const near = nearNames(target, [...applied, ...pending])
    const hint = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`
    throw new MigrationError(`no migration is named ${target}${hint}`, {
      code: 'MIGRATION_NAME_UNKNOWN',
      migration: target,
      near,
    })
  })
}

/**
 * Every migration that this release or the database knows, by name. Only reads, and needs no more than USAGE on schema `fleet` and
 * SELECT on `fleet.migrations`; where nothing was ever migrated, not even these.
 */
export async function listMigrations<DB>(db: Kysely<DB>): Promise<MigrationStatus[]> {
  const files = new Set(await migrationNames())
  const applied = (await readBookkeeping(db)) ?? new Map<string, Date>()
  return [...new Set([...files, ...applied.keys()])]
    .sort()
    .map((name) => ({ name, appliedAt: applied.get(name) ?? null, known: files.has(name) }))
}

/** The names of the migrations that the database lacks, oldest first. Only reads. */
export async function pendingMigrations<DB>(db: Kysely<DB>): Promise<string[]> {
  const migrations = await listMigrations(db)
  return migrations.filter(({ appliedAt }) => appliedAt === null).map(({ name }) => name)
}

async function readState<DB>(db: Kysely<DB>): Promise<{ applied: string[]; pending: string[] }> {
  const migrations = await listMigrations(db)
  const ahead = migrations.filter(({ known }) => !known).map(({ name }) => name)
  if (ahead.length > 0) {
    throw new MigrationError(`the database was migrated by a newer release: ${ahead.join(', ')}`, {
      code: 'MIGRATION_DATABASE_AHEAD',
    })
  }
  return {
    applied: migrations.filter(({ appliedAt }) => appliedAt !== null).map(({ name }) => name),
    pending: migrations.filter(({ appliedAt }) => appliedAt === null).map(({ name }) => name),
  }
}

async function run<DB>(
  connection: Kysely<DB>,
  direction: MigrationStep['direction'],
  count: number,
): Promise<MigrationStep[]> {
  const done: MigrationStep[] = []
  try {
    while (done.length < count) done.push(await runOne(connection, direction, done))
  } catch (error) {
    // What failed is the thing to hear of, not that the connection may be gone as well.
    await dropUnusedBookkeeping(connection).catch(() => {})
    throw error
  }
  if (direction === 'down') await dropUnusedBookkeeping(connection)
  return done
}

async function runOne<DB>(
  connection: Kysely<DB>,
  direction: MigrationStep['direction'],
  done: readonly MigrationStep[],
): Promise<MigrationStep> {
  const startedAt = performance.now()
  const migrator = new Migrator({
    db: connection,
    provider: migrationFiles,
    migrationTableSchema: 'fleet',
    migrationTableName: 'migrations',
    migrationLockTableName: 'migrations_lock',
  })
  const { error, results } = await (direction === 'up' ? migrator.migrateUp() : migrator.migrateDown())
  const name = results?.[0]?.migrationName
  if (error !== undefined || name === undefined) {
    const reason = error instanceof Error ? error.message : String(error)
    const what = name === undefined ? 'migrating' : `migration ${name} (${direction})`
    throw new MigrationError(`${what} failed: ${reason}`, {
      code: 'MIGRATION_FAILED',
      migration: name,
      done: [...done],
      cause: error,
    })
  }
  return { name, direction, ms: Math.round(performance.now() - startedAt) }
}

/** When each migration was applied, by name; undefined where the bookkeeping does not exist. */
async function readBookkeeping<DB>(db: Kysely<DB>): Promise<Map<string, Date> | undefined> {
  const { rows: tables } = await sql<{ exists: boolean }>`
    SELECT to_regclass('fleet.migrations') IS NOT NULL AS exists`.execute(db)
  if (tables[0]?.exists !== true) return undefined
  const { rows } = await sql<{ name: string; timestamp: string }>`SELECT name, timestamp FROM fleet.migrations`.execute(
    db,
  )
  return new Map(rows.map(({ name, timestamp }) => [name, new Date(timestamp)]))
}

/**
 * Schema `fleet` is there for the bookkeeping first: Kysely makes it with its tables before the first migration runs, and writes to
 * them after each `down`, so no migration can drop it. It goes, with them, as soon as nothing is applied; it stays where somebody
 * else has put objects into it or owns it.
 */
async function dropUnusedBookkeeping<DB>(connection: Kysely<DB>): Promise<void> {
  const applied = await readBookkeeping(connection)
  if (applied === undefined || applied.size > 0) return
  await sql`
    DO $$ BEGIN
      DROP TABLE fleet.migrations, fleet.migrations_lock;
      BEGIN
        DROP SCHEMA fleet;
      EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
        RAISE NOTICE 'schema fleet stays: %', SQLERRM;
      END;
    END $$`.execute(connection)
}

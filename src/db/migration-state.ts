import { type Kysely, sql } from 'kysely'
import { MigrationError } from './migration-error.ts'
import { migrationNames } from './migration-files.ts'
import { type MigrationScript, readMigrationScripts } from './migration-script.ts'

export interface MigrationStatus {
  readonly name: string
  readonly appliedAt: Date | null
  /** The role that applied it; null while it is pending. */
  readonly appliedBy: string | null
  /** False where a newer release has applied it: this one has no such file. */
  readonly known: boolean
  /** True where the file is not the one that was applied. */
  readonly edited: boolean
}

/** Where a database stands: what is applied, in order, and what this release would apply next. */
export interface MigrationState {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
  readonly scripts: ReadonlyMap<string, MigrationScript>
}

interface Applied {
  readonly name: string
  readonly checksum: string
  readonly applied_at: Date
  readonly applied_by: string
}

/**
 * Every migration that this release or the database knows, by name. Only reads, and needs no more than USAGE on schema `fleet` and
 * SELECT on `fleet.migrations`; where nothing was ever migrated, not even these.
 */
export async function listMigrations<DB>(db: Kysely<DB>): Promise<MigrationStatus[]> {
  const scripts = new Map((await readMigrationScripts()).map((script) => [script.name, script]))
  const applied = new Map((await readBookkeeping(db)).map((row) => [row.name, row]))
  return [...new Set([...scripts.keys(), ...applied.keys()])].sort().map((name) => {
    const script = scripts.get(name)
    const row = applied.get(name)
    return {
      name,
      appliedAt: row?.applied_at ?? null,
      appliedBy: row?.applied_by ?? null,
      known: script !== undefined,
      edited: script !== undefined && row !== undefined && script.checksum !== row.checksum,
    }
  })
}

/** The names of the migrations that the database lacks, oldest first. Only reads. */
export async function pendingMigrations<DB>(db: Kysely<DB>): Promise<string[]> {
  const applied = new Set((await readBookkeeping(db)).map(({ name }) => name))
  return (await migrationNames()).filter((name) => !applied.has(name))
}

/**
 * What migrating starts from.
 * @throws {MigrationError} MIGRATION_DATABASE_AHEAD, MIGRATION_EDITED
 */
export async function readMigrationState<DB>(db: Kysely<DB>): Promise<MigrationState> {
  const migrations = await listMigrations(db)
  refuseNewer(migrations)
  const named = (matches: (status: MigrationStatus) => boolean) => migrations.filter(matches).map(({ name }) => name)
  const edited = named((status) => status.edited)
  if (edited.length > 0) {
    throw new MigrationError(`edited after it was applied: ${edited.join(', ')}`, {
      code: 'MIGRATION_EDITED',
      migration: edited[0],
    })
  }
  return {
    applied: named(({ appliedAt }) => appliedAt !== null),
    pending: named(({ appliedAt }) => appliedAt === null),
    scripts: new Map((await readMigrationScripts()).map((script) => [script.name, script])),
  }
}

/**
 * Goes on only where this release knows all that is applied.
 * @throws {MigrationError} MIGRATION_DATABASE_AHEAD
 */
export function refuseNewer(migrations: readonly MigrationStatus[]): void {
  const ahead = migrations.filter(({ known }) => !known).map(({ name }) => name)
  if (ahead.length === 0) return
  throw new MigrationError(`the database was migrated by a newer release: ${ahead.join(', ')}`, {
    code: 'MIGRATION_DATABASE_AHEAD',
  })
}

async function readBookkeeping<DB>(db: Kysely<DB>): Promise<Applied[]> {
  const { rows: tables } = await sql<{ exists: boolean }>`
    SELECT to_regclass('fleet.migrations') IS NOT NULL AS exists`.execute(db)
  if (tables[0]?.exists !== true) return []
  const { rows } = await sql<Applied>`SELECT name, checksum, applied_at, applied_by FROM fleet.migrations`.execute(db)
  return rows
}

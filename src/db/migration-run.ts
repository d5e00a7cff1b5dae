import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { frameMigration, type MigrationFrame } from './migration-frame.ts'
import type { MigrationScript } from './migration-script.ts'

const firstPauseMs = 200
const lastPauseMs = 2_000
/** In all, from the first try on. */
const giveUpAfterMs = 60_000

/** A table stayed in use by others. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError'
  /** Sessions that hold locks in this database, the longest transaction first, in words. */
  readonly blockers: readonly string[]

  constructor(blockers: readonly string[], cause: unknown) {
    super(`a table is in use by others: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.blockers = blockers
  }
}

/**
 * Executes a migration with its bookkeeping, in a transaction or, where the file says so, statement by statement. Tried again from its
 * beginning while a table that it needs is in use.
 * @throws {BlockedError} after a minute of trying
 */
export async function runMigration<DB>(
  connection: Kysely<DB>,
  script: MigrationScript,
  direction: 'up' | 'down',
): Promise<void> {
  const frame = frameMigration(script, direction)
  const startedAt = performance.now()
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(lastPauseMs, pauseMs * 2)) {
    try {
      return await (script.transaction ? runWhole(connection, frame) : runPlainly(connection, frame))
    } catch (error) {
      if (!isLockFailure(error)) throw error
      if (performance.now() - startedAt > giveUpAfterMs) throw new BlockedError(await findBlockers(connection), error)
      await delay(pauseMs)
    }
  }
}

async function runWhole<DB>(connection: Kysely<DB>, { before, statements }: MigrationFrame): Promise<void> {
  await connection.transaction().execute(async (trx) => executeAll(trx, [...before, ...statements]))
}

async function runPlainly<DB>(connection: Kysely<DB>, { before, statements, after }: MigrationFrame): Promise<void> {
  // What a pool's session was given when it was opened is not what RESET goes back to.
  const { rows } = await sql<{ timeout: string }>`SELECT current_setting('statement_timeout') AS timeout`.execute(
    connection,
  )
  await executeAll(connection, before)
  try {
    await executeAll(connection, statements)
  } finally {
    await executeAll(connection, after)
    await sql`SELECT set_config('statement_timeout', ${rows[0]?.timeout ?? '0'}, false)`.execute(connection)
  }
}

async function executeAll<DB>(db: Kysely<DB>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** SQLSTATE: lock_not_available, which is what a lock timeout says, and deadlock_detected. */
const lockFailures = new Set(['55P03', '40P01'])

function isLockFailure(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && lockFailures.has(code)
}

async function findBlockers<DB>(connection: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ blocker: string }>`
    SELECT format('process %s (%s, %s, in a transaction since %s)', a.pid, coalesce(nullif(a.application_name, ''), 'no name'),
                  a.state, to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')) AS blocker
      FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
       AND EXISTS (
         SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
          WHERE l.pid = a.pid AND l.granted AND c.relkind IN ('r', 'p')
            AND c.relnamespace::regnamespace::text IN ('public', 'fleet', 'pgboss'))
     ORDER BY a.xact_start
     LIMIT 3`.execute(connection)
  return rows.map(({ blocker }) => blocker)
}

import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { MigrationError } from './migration-error.ts'

/** The session that is migrating. */
export interface LockHolder {
  /** Its PostgreSQL process. */
  readonly pid: number
  readonly applicationName: string
  /** Null where it came through a socket file. */
  readonly host: string | null
  readonly since: Date
}

export interface LockWait {
  /** How long to wait for another process that migrates; as long as it takes unless given. */
  readonly waitMs?: number | undefined
  /** Told once, as soon as there is somebody to wait for. */
  readonly onWaiting?: ((holder: LockHolder | undefined) => void) | undefined
}

const pollEveryMs = 100

/** A text, so that the statement stays one constant wherever it is needed. */
const lockKey = `hashtextextended('fleet.migrations', 0)`

/** Taken by the file that `fleet migrate sql` prints; released when its session ends. */
export const lockOrFail = `DO $$ BEGIN
  IF NOT pg_try_advisory_lock(${lockKey}) THEN
    RAISE EXCEPTION 'another process is migrating this database';
  END IF;
END $$`

/**
 * Runs `work` on the very connection whose session holds the fleet's migration lock, so that neither outlives the other; waits while
 * another process holds it. A process that was killed holds nobody up.
 *
 * Polled, not waited for: a session that waits inside a statement holds a snapshot, and a CREATE INDEX CONCURRENTLY of whoever has
 * the lock would wait for that for ever.
 * @throws {MigrationError} MIGRATION_LOCKED
 */
export async function withMigrationLock<DB, T>(
  db: Kysely<DB>,
  wait: LockWait,
  work: (connection: Kysely<DB>) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (connection) => {
    await takeLock(connection, wait)
    let result: T
    try {
      result = await work(connection)
    } catch (error) {
      // A session that cannot be told to unlock has ended, and what ended it is the better thing to hear of.
      await unlock(connection).catch(() => {})
      throw error
    }
    await unlock(connection)
    return result
  })
}

/** Names the session as people know it. */
export function describeHolder({ pid, applicationName, host, since }: LockHolder): string {
  const from = host === null ? '' : ` from ${host}`
  return `PostgreSQL process ${pid} (${applicationName || 'no name'}${from}), connected since ${since.toISOString()}`
}

async function takeLock<DB>(
  connection: Kysely<DB>,
  { waitMs = Number.POSITIVE_INFINITY, onWaiting }: LockWait,
): Promise<void> {
  const startedAt = performance.now()
  let told = false
  while (!(await tryLock(connection))) {
    const waited = performance.now() - startedAt
    if (told && waited < waitMs) {
      await delay(Math.min(pollEveryMs, waitMs - waited))
      continue
    }
    const holder = await findHolder(connection)
    if (waited >= waitMs) throw locked(holder)
    onWaiting?.(holder)
    told = true
  }
}

function locked(holder: LockHolder | undefined): MigrationError {
  const who = holder === undefined ? '' : `: ${describeHolder(holder)}`
  return new MigrationError(`another process is migrating this database${who}`, { code: 'MIGRATION_LOCKED' })
}

async function tryLock<DB>(connection: Kysely<DB>): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    SELECT pg_try_advisory_lock(${sql.raw(lockKey)}) AS locked`.execute(connection)
  return rows[0]?.locked === true
}

async function unlock<DB>(connection: Kysely<DB>): Promise<void> {
  await sql`SELECT pg_advisory_unlock(${sql.raw(lockKey)})`.execute(connection)
}

/** Undefined where it has just ended. */
async function findHolder<DB>(connection: Kysely<DB>): Promise<LockHolder | undefined> {
  const { rows } = await sql<LockHolder>`
    SELECT a.pid, a.application_name AS "applicationName", host(a.client_addr) AS host, a.backend_start AS since
      FROM pg_locks l
      JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32) | l.objid::bigint = ${sql.raw(lockKey)}`.execute(connection)
  return rows[0]
}

import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'

const pollEveryMs = 100

/**
 * Runs `work` on the very connection whose session holds the fleet's migration lock, so that neither outlives the other; waits while
 * another process holds it. A process that was killed holds nobody up.
 *
 * Polled, not waited for: a session that waits inside a statement holds a snapshot, and a CREATE INDEX CONCURRENTLY of whoever has
 * the lock would wait for that for ever. Kysely's own lock, which waits so, is taken inside this one and hence always free.
 */
export async function withMigrationLock<DB, T>(
  db: Kysely<DB>,
  work: (connection: Kysely<DB>) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (connection) => {
    while (!(await tryLock(connection))) await delay(pollEveryMs)
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

async function tryLock<DB>(connection: Kysely<DB>): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    SELECT pg_try_advisory_lock(hashtextextended('fleet.migrations', 0)) AS locked`.execute(connection)
  return rows[0]?.locked === true
}

async function unlock<DB>(connection: Kysely<DB>): Promise<void> {
  await sql`SELECT pg_advisory_unlock(hashtextextended('fleet.migrations', 0))`.execute(connection)
}

import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { ConfigError } from '../config/config-error.ts'
import { pendingMigrations } from '../db/migration-state.ts'
import type { Database } from '../db/pool.ts'
import { requireRights } from './database-rights.ts'

const firstRetryMs = 250
const lastRetryMs = 5_000
const remindAfterMs = 60_000
/** pg-boss needs it; the migrations leave its schema out on older servers. */
const oldestMajor = 13

/**
 * Waits until the database answers and lacks no migration, saying once a minute what it waits for. A database that a newer release has
 * migrated is ready too. Answers false when `signal` aborts before.
 * @throws {ConfigError} where the database's user may not do what a worker does; waiting would not help.
 */
export async function waitForDatabase(
  database: Database,
  { signal, log }: { signal: AbortSignal; log: Logger },
): Promise<boolean> {
  let remindedAt = Number.NEGATIVE_INFINITY
  for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(lastRetryMs, retryMs * 2)) {
    const obstacle = await findObstacle(database)
    if (obstacle === undefined) return !signal.aborted
    if (performance.now() - remindedAt >= remindAfterMs) {
      remindedAt = performance.now()
      log.warn(obstacle.facts, obstacle.message)
    }
    await delay(retryMs, undefined, { signal }).catch(() => {})
  }
  return false
}

async function findObstacle(database: Database): Promise<{ message: string; facts: object } | undefined> {
  try {
    const major = await readMajor(database)
    if (major < oldestMajor) {
      return {
        message: `waiting: PostgreSQL ${major} is too old; workers need ${oldestMajor} or later`,
        facts: { major },
      }
    }
    // Before the next: without rights the list of migrations cannot be read either.
    await requireRights(database.db)
    const pending = await pendingMigrations(database.db)
    if (pending.length === 0) return undefined
    return { message: 'waiting: the database lacks migrations; run "fleet migrate up"', facts: { pending } }
  } catch (err) {
    if (err instanceof ConfigError) throw err
    return { message: 'waiting: the database cannot be used', facts: { err } }
  }
}

async function readMajor({ db }: Database): Promise<number> {
  const { rows } = await sql<{ major: number }>`
    SELECT current_setting('server_version_num')::integer / 10000 AS major`.execute(db)
  return rows[0]?.major ?? 0
}

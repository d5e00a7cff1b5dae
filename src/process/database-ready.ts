import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConfigError } from '../config/config-error.ts'
import { pendingMigrations } from '../db/migration-state.ts'
import type { Database } from '../db/pool.ts'
import { requireRights } from './database-rights.ts'

const firstRetryMs = 250
const lastRetryMs = 5_000
const remindAfterMs = 60_000

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
    // First: without rights the list of migrations cannot be read either.
    await requireRights(database.db)
    const pending = await pendingMigrations(database.db)
    if (pending.length === 0) return undefined
    return { message: 'waiting: the database lacks migrations; run "fleet migrate up"', facts: { pending } }
  } catch (err) {
    if (err instanceof ConfigError) throw err
    return { message: 'waiting: the database cannot be used', facts: { err } }
  }
}

import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import { recordAudit } from './audit.ts'
import type { PausableQueue } from './pausable-queues.ts'
import { wakeSenders } from './senders.ts'

/** A queue that stands still because somebody has said so. */
export interface Pause {
  readonly queue: PausableQueue
  readonly since: Date
  /** When it goes on by itself; null where it waits for somebody. */
  readonly until: Date | null
  readonly reason: string
  readonly pausedBy: string
}

/** Those in force. */
export async function listPauses(db: Kysely<DB>): Promise<Pause[]> {
  const { rows } = await sql<Pause>`
    SELECT queue, since, until, reason, paused_by AS "pausedBy"
      FROM fleet.pauses
     WHERE ${isInForce}
     ORDER BY queue`.execute(db)
  return rows
}

/** The pause that a queue stands still for: its own, or that of all notifications. */
export function pauseOf(queue: string, pauses: readonly Pause[]): Pause | undefined {
  const own = pauses.find((pause) => pause.queue === queue)
  return own ?? (queue === 'email' ? undefined : pauses.find((pause) => pause.queue === 'notifications'))
}

const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`
const isInForce = sql<boolean>`(until IS NULL OR until > ${now})`

/**
 * From its commit on nothing of the queue is claimed or handed over, by any worker: `fleet.may_send()` looks here. One that is in force is
 * given the new reason and end, and keeps its beginning. Answers the pause as it is now.
 */
export async function pauseQueue(
  db: Kysely<DB>,
  { queue, until, reason, actor }: { queue: PausableQueue; until: Date | null; reason: string; actor: string },
): Promise<Pause> {
  return db.transaction().execute(async (transaction) => {
    const { rows } = await sql<Pause>`
      INSERT INTO fleet.pauses AS known (queue, since, until, reason, paused_by)
      VALUES (${queue}, ${now}, ${until}, ${reason}, left(${actor}, 255))
          ON CONFLICT (queue) DO UPDATE
         SET since     = CASE WHEN known.until <= ${now} THEN EXCLUDED.since ELSE known.since END,
             until     = EXCLUDED.until,
             reason    = EXCLUDED.reason,
             paused_by = EXCLUDED.paused_by
   RETURNING queue, since, until, reason, paused_by AS "pausedBy"`.execute(transaction)
    const [pause] = rows
    if (pause === undefined) throw new Error('a pause was not written')
    await audit(transaction, { action: 'pause', actor, queue, reason, until })
    return pause
  })
}

/** Lets the queue go on at once; answers the pause that was in force, undefined where none was. */
export async function resumeQueue(
  db: Kysely<DB>,
  { queue, actor }: { queue: PausableQueue; actor: string },
): Promise<Pause | undefined> {
  return db.transaction().execute(async (transaction) => {
    const { rows } = await sql<Pause & { wasInForce: boolean }>`
      DELETE FROM fleet.pauses WHERE queue = ${queue}
   RETURNING queue, since, until, reason, paused_by AS "pausedBy", ${isInForce} AS "wasInForce"`.execute(transaction)
    const [row] = rows
    if (row === undefined || !row.wasInForce) return undefined
    const { wasInForce: _, ...pause } = row
    await audit(transaction, { action: 'resume', actor, queue, reason: pause.reason, until: pause.until })
    await wakeSenders(transaction)
    return pause
  })
}

interface Entry extends Pick<Pause, 'queue' | 'reason' | 'until'> {
  readonly action: 'pause' | 'resume'
  readonly actor: string
}

async function audit(transaction: Transaction<DB>, { action, actor, queue, reason, until }: Entry): Promise<void> {
  const changes = { queue, reason, until: until?.toISOString() ?? null }
  await recordAudit(transaction, { actor, action, entityType: 'queue', entityId: 0, changes })
}

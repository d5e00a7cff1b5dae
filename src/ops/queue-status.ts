import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** The mail queue at a glance. */
export interface QueueStatus {
  /** Waiting, and due now. */
  readonly due: number
  readonly oldestDueAt: Date | null
  /** Waiting for a later time: scheduled, or to be tried again. */
  readonly scheduled: number
  readonly sending: number
  readonly held: number
  /** Ended in the last 24 hours. */
  readonly last24Hours: Readonly<Record<'sent' | 'failed' | 'cancelled' | 'expired', number>>
  /** Those that have any waiting, 1 first. */
  readonly priorities: readonly { readonly priority: number; readonly due: number; readonly scheduled: number }[]
}

/** Reads no more than indexes, and of what has ended only the last 24 hours: the length of the history does not matter. */
export async function readQueueStatus(db: Kysely<DB>): Promise<QueueStatus> {
  const waiting = await readWaiting(db)
  const { sending, held } = await readInHand(db)
  const oldest = waiting.flatMap(({ oldestDueAt }) => oldestDueAt ?? []).sort((a, b) => a.getTime() - b.getTime())
  return {
    due: waiting.reduce((sum, { due }) => sum + due, 0),
    oldestDueAt: oldest[0] ?? null,
    scheduled: waiting.reduce((sum, { scheduled }) => sum + scheduled, 0),
    sending,
    held,
    last24Hours: await readLastDay(db),
    priorities: waiting.map(({ priority, due, scheduled }) => ({ priority, due, scheduled })),
  }
}

interface WaitingAtPriority {
  readonly priority: number
  readonly due: number
  readonly scheduled: number
  readonly oldestDueAt: Date | null
}

async function readWaiting(db: Kysely<DB>): Promise<WaitingAtPriority[]> {
  const { rows } = await sql<WaitingAtPriority>`
    SELECT prio AS priority,
           (count(*) FILTER (WHERE due_at <= clock.now))::int AS due,
           (count(*) FILTER (WHERE due_at > clock.now))::int AS scheduled,
           min(due_at) FILTER (WHERE due_at <= clock.now) AS "oldestDueAt"
      FROM email_queue, (SELECT fleet.utc_now() AT TIME ZONE 'UTC' AS now) AS clock
     WHERE status = 'pending'
     GROUP BY prio
     ORDER BY prio`.execute(db)
  return rows
}

async function readInHand(db: Kysely<DB>): Promise<{ sending: number; held: number }> {
  const { rows } = await sql<{ sending: number; held: number }>`
    SELECT (SELECT count(*)::int FROM email_queue WHERE status = 'sending') AS sending,
           (SELECT count(*)::int FROM email_queue WHERE status = 'held') AS held`.execute(db)
  return rows[0] ?? { sending: 0, held: 0 }
}

async function readLastDay(db: Kysely<DB>): Promise<QueueStatus['last24Hours']> {
  const { rows } = await sql<{ status: string; count: number }>`
    SELECT status, count(*)::int AS count
      FROM email_queue
     WHERE status IN ('sent', 'failed', 'cancelled', 'expired') AND updated_at > fleet.utc_now() - interval '24 hours'
     GROUP BY status`.execute(db)
  const none = { sent: 0, failed: 0, cancelled: 0, expired: 0 }
  return { ...none, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) }
}

import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { readSentLastDay } from './outcome-rates.ts'

/** The mail queue at a glance. */
export interface QueueStatus {
  /** Waiting, and due now. */
  readonly due: number
  readonly oldestDueAt: Date | null
  /** Waiting for a later time: scheduled, or to be tried again. */
  readonly scheduled: number
  readonly sending: number
  readonly held: number
  /** Ended in the last 24 hours; `sent` as the workers have counted it. */
  readonly last24Hours: Readonly<Record<'sent' | 'failed' | 'cancelled' | 'expired', number>>
  /** Those that have any waiting, 1 first. */
  readonly priorities: readonly { readonly priority: number; readonly due: number; readonly scheduled: number }[]
}

/** Reads no more than indexes, and of what has ended only the last 24 hours: the length of the history does not matter. */
export async function readQueueStatus(db: Kysely<DB>): Promise<QueueStatus> {
  const [waiting, { sending, held }, ended, sent] = await Promise.all([
    readWaiting(db),
    readInHand(db),
    readLastDay(db),
    readSentLastDay(db),
  ])
  const oldest = waiting.flatMap(({ oldestDueAt }) => oldestDueAt ?? []).sort((a, b) => a.getTime() - b.getTime())
  return {
    due: waiting.reduce((sum, { due }) => sum + due, 0),
    oldestDueAt: oldest[0] ?? null,
    scheduled: waiting.reduce((sum, { scheduled }) => sum + scheduled, 0),
    sending,
    held,
    last24Hours: { ...ended, sent: sent.email ?? 0 },
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
  // Counting ranges of the index costs a third of what grouping its rows does.
  const { rows } = await sql<WaitingAtPriority>`
    SELECT p.priority, due.count::int AS due, later.count::int AS scheduled,
           (SELECT min(due_at) FROM email_queue WHERE status = 'pending' AND prio = p.priority AND due_at <= clock.now) AS "oldestDueAt"
      FROM generate_series(1, 10) AS p (priority)
     CROSS JOIN (SELECT fleet.utc_now() AT TIME ZONE 'UTC' AS now) AS clock
     CROSS JOIN LATERAL (
       SELECT count(*) FROM email_queue WHERE status = 'pending' AND prio = p.priority AND due_at <= clock.now) AS due
     CROSS JOIN LATERAL (
       SELECT count(*) FROM email_queue WHERE status = 'pending' AND prio = p.priority AND due_at > clock.now) AS later
     WHERE due.count + later.count > 0
     ORDER BY p.priority`.execute(db)
  return rows
}

async function readInHand(db: Kysely<DB>): Promise<{ sending: number; held: number }> {
  const { rows } = await sql<{ sending: number; held: number }>`
    SELECT (SELECT count(*)::int FROM email_queue WHERE status = 'sending') AS sending,
           (SELECT count(*)::int FROM email_queue WHERE status = 'held') AS held`.execute(db)
  return rows[0] ?? { sending: 0, held: 0 }
}

async function readLastDay(db: Kysely<DB>): Promise<Omit<QueueStatus['last24Hours'], 'sent'>> {
  const { rows } = await sql<{ status: string; count: number }>`
    SELECT status, count(*)::int AS count
      FROM email_queue
     WHERE status IN ('failed', 'cancelled', 'expired') AND updated_at > fleet.utc_now() - interval '24 hours'
     GROUP BY status`.execute(db)
  const none = { failed: 0, cancelled: 0, expired: 0 }
  return { ...none, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) }
}

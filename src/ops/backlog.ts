import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { type AmbiguousTable, isAmbiguous, isHandedOver } from './ambiguous-messages.ts'

/** `notifications` are those by e-mail, as long as they are to become mails. */
export const queueNames = ['email', 'notifications', 'telegram', 'sms', 'system'] as const

export type QueueName = (typeof queueNames)[number]

/** Of row `q` of `notifications`. */
const channelQueue = sql`CASE q.type WHEN 'email' THEN 'notifications' ELSE q.type END`
const isOfChannel = sql<boolean>`q.type IN ('email', 'telegram', 'sms', 'system')`

/** What waits in a queue at one priority. */
export interface Backlog {
  readonly queue: QueueName
  readonly priority: number
  /** Due now. */
  readonly due: number
  /** Due later: scheduled, or to be tried again. */
  readonly scheduled: number
  /** For how long the oldest has been due; null where none is. */
  readonly oldestDueSeconds: number | null
}

/** Those that have any waiting. Reads what waits and nothing else: the length of the history does not matter. Of a digest its first row counts. */
export async function readBacklog(db: Kysely<DB>): Promise<Backlog[]> {
  const { rows } = await sql<Backlog>`
    SELECT w.queue, w.prio AS priority,
           (count(*) FILTER (WHERE w.due_at <= clock.now))::int AS due,
           (count(*) FILTER (WHERE w.due_at > clock.now))::int AS scheduled,
           extract(epoch FROM clock.now - min(w.due_at) FILTER (WHERE w.due_at <= clock.now))::float8 AS "oldestDueSeconds"
      FROM (SELECT 'email' AS queue, prio, due_at FROM email_queue WHERE status = 'pending'
             UNION ALL
            SELECT ${channelQueue}, q.prio, q.due_at
              FROM notifications AS q
             WHERE q.status = 'pending' AND q.digest_of IS NULL AND ${isOfChannel}) AS w,
           (SELECT fleet.utc_now() AT TIME ZONE 'UTC' AS now) AS clock
     GROUP BY w.queue, w.prio, clock.now
     ORDER BY w.queue, w.prio`.execute(db)
  return rows
}

/** What is neither waiting nor ended. */
export interface InHand {
  readonly queue: QueueName
  /** Claimed by any worker; of e-mail notifications also those whose mail is under way. */
  readonly sending: number
  readonly held: number
  /** The next system may have it, and nobody knows: held for that reason, or handed over under a lease that has run out. */
  readonly ambiguous: number
}

/** Those that have any. */
export async function readInHand(db: Kysely<DB>): Promise<InHand[]> {
  const { rows } = await sql<InHand>`
    SELECT queue, sum(sending)::int AS sending, sum(held)::int AS held, sum(ambiguous)::int AS ambiguous
      FROM (${inHandOf('email_queue', sql`'email'`)} UNION ALL ${inHandOf('notifications', channelQueue)}) AS counted
     GROUP BY queue
     ORDER BY queue`.execute(db)
  return rows
}

/** Two statuses, two indexes. */
function inHandOf(table: AmbiguousTable, queue: RawBuilder<unknown>): RawBuilder<unknown> {
  const isFirst = table === 'notifications' ? sql`q.digest_of IS NULL AND ${isOfChannel}` : sql`true`
  return sql`
    SELECT ${queue} AS queue, count(*) AS sending, 0 AS held,
           count(*) FILTER (WHERE q.leased_until < now() AND ${isHandedOver(table)}) AS ambiguous
      FROM ${sql.table(table)} AS q
     WHERE q.status = 'sending' AND ${isFirst}
     GROUP BY 1
     UNION ALL
    SELECT ${queue}, 0, count(*),
           count(*) FILTER (WHERE q.error_class IN ('answer_lost', 'worker_died') AND ${isAmbiguous(table)})
      FROM ${sql.table(table)} AS q
     WHERE q.status = 'held' AND ${isFirst}
     GROUP BY 1`
}

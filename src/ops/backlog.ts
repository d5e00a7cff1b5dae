import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { type AmbiguousTable, isAmbiguous, isHandedOver } from './ambiguous-messages.ts'

/** `notifications` are those by e-mail, as long as they are to become mails. */
export const queueNames = ['email', 'notifications', 'telegram', 'sms', 'system'] as const

export type QueueName = (typeof queueNames)[number]

/** What waits in a queue at one priority. */
export interface Backlog {
  readonly queue: QueueName
  readonly priority: number
  /** Due now. */
  readonly due: number
  /** Of those, due for five minutes or more. */
  readonly late: number
  /** Due later: scheduled, put off, or to be tried again. */
  readonly scheduled: number
  /** Since when the oldest has been due; null where none is. */
  readonly oldestDueAt: Date | null
}

/**
 * By queue and priority, 1 first; those that have any waiting. Counts ranges of indexes, which costs a tenth of what comparing each row with
 * the clock does: the length of the history does not matter. Of a digest its first row counts. OFFSET 0 keeps PostgreSQL from counting once
 * for the answer, and once more for the condition.
 */
export async function readBacklog(db: Kysely<DB>): Promise<Backlog[]> {
  const { rows } = await sql<Backlog>`
    SELECT waiting.queue, waiting.priority, waiting.due::int AS due, waiting.late::int AS late, waiting.scheduled::int AS scheduled,
           waiting.oldest AS "oldestDueAt"
      FROM (SELECT now, now - interval '5 minutes' AS late FROM (SELECT fleet.utc_now() AT TIME ZONE 'UTC' AS now) AS clock) AS clock
     CROSS JOIN LATERAL (
       SELECT 'email' AS queue, p.level AS priority, ${counts(sql`email_queue WHERE status = 'pending' AND prio = p.level`)}
         FROM generate_series(1, 10) AS p (level)
        UNION ALL
       SELECT ${queueOf(sql`c.name`)}, p.level,
              ${counts(sql`notifications WHERE status = 'pending' AND digest_of IS NULL AND type = c.name AND prio = p.level`)}
         FROM fleet.channels AS c, generate_series(1, 10) AS p (level)
       OFFSET 0) AS waiting
     WHERE waiting.due + waiting.scheduled > 0
     ORDER BY waiting.queue, waiting.priority`.execute(db)
  return rows
}

/** The queue that a notification of a channel waits in. */
function queueOf(channel: RawBuilder<unknown>): RawBuilder<QueueName> {
  return sql`CASE ${channel} WHEN 'email' THEN 'notifications' ELSE ${channel} END`
}

/** Each a range of the index that the claims use, or its first entry. */
function counts(waiting: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    (SELECT count(*) FROM ${waiting} AND due_at <= clock.now) AS due,
    (SELECT count(*) FROM ${waiting} AND due_at <= clock.late) AS late,
    (SELECT count(*) FROM ${waiting} AND due_at > clock.now) AS scheduled,
    (SELECT min(due_at) FROM ${waiting} AND due_at <= clock.now) AS oldest`
}

/** What waits in a queue, over all priorities. */
export interface Waiting {
  /** Waiting, and due now. */
  readonly due: number
  readonly oldestDueAt: Date | null
  /** Waiting for a later time. */
  readonly scheduled: number
  /** Those that have any waiting, 1 first. */
  readonly priorities: readonly Pick<Backlog, 'priority' | 'due' | 'scheduled'>[]
}

export function waitingIn(backlog: readonly Backlog[], queue: QueueName): Waiting {
  const ours = backlog.filter((row) => row.queue === queue)
  const oldest = ours.flatMap(({ oldestDueAt }) => oldestDueAt ?? []).sort((a, b) => a.getTime() - b.getTime())
  return {
    due: ours.reduce((sum, { due }) => sum + due, 0),
    oldestDueAt: oldest[0] ?? null,
    scheduled: ours.reduce((sum, { scheduled }) => sum + scheduled, 0),
    priorities: ours.map(({ priority, due, scheduled }) => ({ priority, due, scheduled })),
  }
}

/** What is neither waiting nor ended. */
export interface InHand {
  readonly queue: QueueName
  /** Claimed by any worker; of e-mail notifications also those whose mail is under way. */
  readonly sending: number
  readonly held: number
}

/** Those that have any; of a digest its first row counts. Reads indexes only. */
export async function readInHand(db: Kysely<DB>): Promise<InHand[]> {
  const notices = (status: RawBuilder<unknown>) =>
    sql`notifications WHERE status = ${status} AND digest_of IS NULL GROUP BY type`
  const { rows } = await sql<InHand>`
    SELECT queue, sum(sending)::int AS sending, sum(held)::int AS held
      FROM (SELECT 'email' AS queue, count(*) AS sending, 0 AS held FROM email_queue WHERE status = 'sending'
             UNION ALL
            SELECT 'email', 0, count(*) FROM email_queue WHERE status = 'held'
             UNION ALL
            SELECT ${queueOf(sql`type`)}, count(*), 0 FROM ${notices(sql`'sending'`)}
             UNION ALL
            SELECT ${queueOf(sql`type`)}, 0, count(*) FROM ${notices(sql`'held'`)}) AS counted
     WHERE queue = ANY(${[...queueNames]}::text[])
     GROUP BY queue
    HAVING sum(sending + held) > 0
     ORDER BY queue`.execute(db)
  return rows
}

/** How many of a queue the next system may have, while nobody knows: held for that reason, or handed over under a lease that has run out. */
export async function readAmbiguous(db: Kysely<DB>): Promise<{ readonly queue: QueueName; readonly count: number }[]> {
  const { rows } = await sql<{ queue: QueueName; count: number }>`
    SELECT queue, sum(count)::int AS count
      FROM (${ambiguousOf('email_queue', sql`'email'`)} UNION ALL ${ambiguousOf('notifications', queueOf(sql`q.type`))}) AS counted
     GROUP BY queue
    HAVING sum(count) > 0
     ORDER BY queue`.execute(db)
  return rows
}

/** Two statuses, two indexes. */
function ambiguousOf(table: AmbiguousTable, queue: RawBuilder<unknown>): RawBuilder<unknown> {
  const isFirst = table === 'notifications' ? sql`q.digest_of IS NULL` : sql`true`
  return sql`
    SELECT ${queue} AS queue, count(*)
      FROM ${sql.table(table)} AS q
     WHERE q.status = 'sending' AND ${isFirst} AND q.leased_until < now() AND ${isHandedOver(table)}
     GROUP BY 1
     UNION ALL
    SELECT ${queue}, count(*)
      FROM ${sql.table(table)} AS q
     WHERE q.status = 'held' AND ${isFirst} AND q.error_class IN ('answer_lost', 'worker_died') AND ${isAmbiguous(table)}
     GROUP BY 1`
}

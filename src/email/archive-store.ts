import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB, EmailQueue } from '../db/schema.ts'

/** The statuses of mail that has ended. Held mail has not: it waits for an operator. */
export const endedStatuses = ['sent', 'failed', 'cancelled', 'expired'] as const

export type EndedStatus = (typeof endedStatuses)[number]

/** What a mail takes along to the archive and back: every column of `email_queue`. */
export const archivedColumns = [
  'id',
  'recipient_to',
  'recipient_cc',
  'recipient_bcc',
  'subject',
  'body',
  'html',
  'template_id',
  'variables',
  'status',
  'attempts',
  'max_attempts',
  'last_error',
  'priority',
  'scheduled_at',
  'created_at',
  'updated_at',
  'sent_at',
  'enqueued_at',
  'due_at',
  'prio',
  'not_after',
  'dedup_key',
  'message_id',
  'recipients',
  'error_class',
  'claim_token',
  'claimed_by',
  'leased_until',
  'rescues',
] as const satisfies readonly (keyof EmailQueue)[]

/** The same as SQL, of row `alias`. */
export function archivedColumnsOf(alias: string): RawBuilder<unknown> {
  return sql.join(archivedColumns.map((column) => sql.ref(`${alias}.${column}`)))
}

export interface BatchRequest {
  readonly status: EndedStatus
  /** The mail ended before this day, in UTC. */
  readonly before: string
  /** Where the batch before came to: the entries of the index before it are dead by now, and dear to pass again. */
  readonly from: string
  /** Rows at most. */
  readonly size: number
}

/**
 * Moves the mails of one status that ended longest ago. Never waits for a row that another session has locked, and leaves one that has
 * changed meanwhile: several may move at once, beside operators who replay.
 */
export async function archiveBatch(
  db: Kysely<DB>,
  { status, before, from, size }: BatchRequest,
): Promise<{ moved: number; to: string | null }> {
  const { rows } = await sql<{ moved: number; to: string | null }>`
    WITH ended AS MATERIALIZED (
      SELECT id
        FROM email_queue
       WHERE status = ${status}
         AND updated_at >= ${from}::timestamp
         AND updated_at < ${before}::timestamp
       ORDER BY updated_at
       LIMIT ${sql.lit(size)}
         FOR UPDATE SKIP LOCKED
    ),
    moved AS (
      DELETE FROM email_queue AS q
       USING ended
       WHERE q.id = ended.id
   RETURNING ${archivedColumnsOf('q')}
    ),
    archived AS (
      INSERT INTO fleet.email_archive (${sql.join(archivedColumns.map((column) => sql.ref(column)))}, ended_at)
      SELECT ${archivedColumnsOf('moved')}, moved.updated_at FROM moved
   RETURNING ended_at
    )
    SELECT count(*)::int AS moved, max(ended_at)::text AS "to" FROM archived`.execute(db)
  return rows[0] ?? { moved: 0, to: null }
}

/** Columns of `email_queue` that would be lost in the archive: somebody else has added them. */
export async function unknownColumns(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT attname AS name
      FROM pg_attribute
     WHERE attrelid = 'email_queue'::regclass AND attnum > 0 AND NOT attisdropped
       AND attname <> ALL(${archivedColumns}::name[])
     ORDER BY attnum`.execute(db)
  return rows.map(({ name }) => name)
}

/**
 * The first days of the months before the day `before` in which mail ended, oldest first. A few probes of an index, however much mail
 * there is. Other programs may have written any time: what lies before 2000 is not counted.
 */
export async function monthsToArchive(db: Kysely<DB>, before: string): Promise<string[]> {
  const first = (from: RawBuilder<unknown>) => sql`(
    SELECT date_trunc('month', min(q.updated_at))
      FROM email_queue AS q
     WHERE q.status = ended.status AND q.status NOT IN ('pending', 'sending')
       AND q.updated_at >= ${from} AND q.updated_at < ${before}::timestamp)`
  const { rows } = await sql<{ month: string }>`
    WITH RECURSIVE ended(status, month) AS (
      SELECT ended.status, ${first(sql`'2000-01-01'::timestamp`)} FROM unnest(${endedStatuses}::text[]) AS ended(status)
       UNION ALL
      SELECT ended.status, ${first(sql`ended.month + interval '1 month'`)} FROM ended WHERE ended.month IS NOT NULL
    )
    SELECT DISTINCT to_char(month, 'YYYY-MM-DD') AS month FROM ended WHERE month IS NOT NULL ORDER BY 1`.execute(db)
  return rows.map(({ month }) => month)
}

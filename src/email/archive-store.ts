import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** The statuses of mail that has ended. Held mail has not: it waits for an operator. */
export const endedStatuses = ['sent', 'failed', 'cancelled', 'expired'] as const

export type EndedStatus = (typeof endedStatuses)[number]

export interface MailColumns {
  /** What a mail takes along to the archive and back; what the queue computes, it computes anew. */
  readonly kept: readonly string[]
  /** Columns of `email_queue` that would be lost: somebody has added them since the archive was made. */
  readonly lost: readonly string[]
}

/** A platform may have columns of its own in `email_queue`; the archive was made like it and has these, too. */
export async function readMailColumns(db: Kysely<DB>): Promise<MailColumns> {
  const { rows } = await sql<{ name: string; isArchived: boolean }>`
    SELECT q.attname AS name, a.attname IS NOT NULL AS "isArchived"
      FROM pg_attribute AS q
      LEFT JOIN pg_attribute AS a
        ON a.attrelid = 'fleet.email_archive'::regclass AND a.attname = q.attname AND NOT a.attisdropped
     WHERE q.attrelid = 'email_queue'::regclass AND q.attnum > 0 AND NOT q.attisdropped AND q.attgenerated = ''
     ORDER BY q.attnum`.execute(db)
  const names = (isArchived: boolean) => rows.filter((row) => row.isArchived === isArchived).map(({ name }) => name)
  return { kept: names(true), lost: names(false) }
}

/** Columns as SQL, of row `alias` if there is one. */
export function columnList(columns: readonly string[], alias?: string): RawBuilder<unknown> {
  return sql.join(columns.map((column) => (alias === undefined ? sql.id(column) : sql.id(alias, column))))
}

export interface BatchRequest {
  /** What each mail takes along. */
  readonly columns: readonly string[]
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
  { columns, status, before, from, size }: BatchRequest,
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
   RETURNING ${columnList(columns, 'q')}
    ),
    archived AS (
      INSERT INTO fleet.email_archive (${columnList(columns)}, ended_at)
      SELECT ${columnList(columns, 'moved')}, moved.updated_at FROM moved
   RETURNING ended_at
    )
    SELECT count(*)::int AS moved, max(ended_at)::text AS "to" FROM archived`.execute(db)
  return rows[0] ?? { moved: 0, to: null }
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

import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { eraseContent } from './erased.ts'

export interface OldMail {
  /** It ended before this day, in UTC. */
  readonly before: string
  /** Where the batch before came to: the entries of the index before it are dead by now, and dear to pass again. */
  readonly from: string
  /** Rows at most. */
  readonly size: number
}

interface ErasedBatch {
  readonly erased: number
  readonly to: string | null
}

/**
 * Erases what the mails of the queue said that ended longest ago, and were not erased yet. Never waits for a row that another session has
 * locked. The condition is word for word that of the index.
 */
export async function eraseQueuedBatch(db: Kysely<DB>, { before, from, size }: OldMail): Promise<ErasedBatch> {
  const { rows } = await sql<ErasedBatch>`
    WITH old AS MATERIALIZED (
      SELECT id
        FROM email_queue
       WHERE erased_at IS NULL AND status IN ('sent', 'failed', 'cancelled', 'expired')
         AND updated_at >= ${from}::timestamp AND updated_at < ${before}::timestamp
       ORDER BY updated_at
       LIMIT ${sql.lit(size)}
         FOR NO KEY UPDATE SKIP LOCKED),
    erased AS (
      UPDATE email_queue AS q SET ${eraseContent} FROM old WHERE q.id = old.id RETURNING q.updated_at)
    SELECT count(*)::int AS erased, max(updated_at)::text AS "to" FROM erased`.execute(db)
  return rows[0] ?? { erased: 0, to: null }
}

/** The same of the archive. */
export async function eraseArchivedBatch(db: Kysely<DB>, { before, from, size }: OldMail): Promise<ErasedBatch> {
  const { rows } = await sql<ErasedBatch>`
    WITH old AS MATERIALIZED (
      SELECT id, ended_at
        FROM fleet.email_archive
       WHERE erased_at IS NULL AND ended_at >= ${from}::timestamp AND ended_at < ${before}::timestamp
       ORDER BY ended_at
       LIMIT ${sql.lit(size)}
         FOR NO KEY UPDATE SKIP LOCKED),
    erased AS (
      UPDATE fleet.email_archive AS q SET ${eraseContent}
        FROM old WHERE q.id = old.id AND q.ended_at = old.ended_at
   RETURNING q.ended_at)
    SELECT count(*)::int AS erased, max(ended_at)::text AS "to" FROM erased`.execute(db)
  return rows[0] ?? { erased: 0, to: null }
}

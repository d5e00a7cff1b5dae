import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

export interface PastNotifications {
  /** They ended before this day, in UTC. */
  readonly before: string
  /** Where the batch before came to. */
  readonly from: string
  /** Rows at most. */
  readonly size: number
}

/**
 * Deletes the oldest notifications that have ended, with whatever outcome: what is held or waits stays. Never waits for a row that another
 * session has locked. The platform's `created_at` may be local time, a few hours off; it only serves to find the rows. A row goes neither
 * before those that it carries as a digest, nor before its mail has ended.
 */
export async function deleteNotificationBatch(
  db: Kysely<DB>,
  { before, from, size }: PastNotifications,
): Promise<{ deleted: number; to: string | null }> {
  const isPast = (row: string) => sql`
    ${sql.ref(`${row}.status`)} IN ('sent', 'failed', 'skipped', 'cancelled', 'expired')
    AND coalesce(${sql.ref(`${row}.processed_at`)}, ${sql.ref(`${row}.created_at`)}) < ${before}::timestamp`
  const { rows } = await sql<{ deleted: number; to: string | null }>`
    WITH past AS MATERIALIZED (
      SELECT id
        FROM notifications AS n
       WHERE created_at >= ${from}::timestamp
         AND created_at < ${before}::timestamp
         AND ${isPast('n')}
         AND NOT EXISTS (SELECT FROM notifications AS told WHERE told.digest_of = n.id AND (${isPast('told')}) IS NOT TRUE)
         AND NOT EXISTS (SELECT FROM email_queue AS q
                          WHERE q.notification_id = n.id AND q.status NOT IN ('sent', 'failed', 'cancelled', 'expired'))
       ORDER BY created_at
       LIMIT ${sql.lit(size)}
         FOR UPDATE OF n SKIP LOCKED
    ),
    deleted AS (
      DELETE FROM notifications AS n
       USING past
       WHERE n.id = past.id
   RETURNING n.created_at
    )
    SELECT count(*)::int AS deleted, max(created_at)::text AS "to" FROM deleted`.execute(db)
  return rows[0] ?? { deleted: 0, to: null }
}

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
 * session has locked. The platform's `created_at` may be local time, a few hours off; it only serves to find the rows.
 */
export async function deleteNotificationBatch(
  db: Kysely<DB>,
  { before, from, size }: PastNotifications,
): Promise<{ deleted: number; to: string | null }> {
  const { rows } = await sql<{ deleted: number; to: string | null }>`
    WITH past AS MATERIALIZED (
      SELECT id
        FROM notifications
       WHERE status IN ('sent', 'failed', 'skipped', 'cancelled', 'expired')
         AND created_at >= ${from}::timestamp
         AND created_at < ${before}::timestamp
         AND coalesce(processed_at, created_at) < ${before}::timestamp
       ORDER BY created_at
       LIMIT ${sql.lit(size)}
         FOR UPDATE SKIP LOCKED
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

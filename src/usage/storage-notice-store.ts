import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { ChannelName } from '../notifications/notice.ts'

/** The shares of its quota, in percent, that a company is told of when it reaches them. */
const thresholds = [80, 95, 100]

/** A company that has reached a share of its quota, and the new row of `fleet.storage_notices`. */
export interface ReachedShare {
  readonly noticeId: string
  readonly percent: number
  readonly usedBytes: number
  readonly quotaGb: number
  readonly companyName: string
  readonly email: string | null
  readonly chatId: string | null
  readonly locale: string | null
  readonly timezone: string | null
}

export interface StorageNotice {
  readonly companyId: number
  readonly noticeId: string
  readonly channel: ChannelName
  readonly subject: string
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
  /** Null for at once. */
  readonly scheduledAt: Date | null
}

/** Of company `c` and `percent`. No quota, or one of 0 or less, is no limit. */
const isReached = sql`
  c.storage_quota_gb > 0 AND c.storage_used_bytes::numeric * 100 >= c.storage_quota_gb::numeric * 1073741824 * percent`

/** The companies that have reached a share which they have been below since they were told of it last, if ever. */
export async function listCompaniesToTell(db: Kysely<DB>): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT c.id
      FROM companies AS c
     WHERE c.is_active IS NOT FALSE
       AND EXISTS (
             SELECT FROM unnest(${thresholds}::smallint[]) AS percent
              WHERE ${isReached}
                AND NOT EXISTS (SELECT FROM fleet.storage_notices AS n
                                 WHERE n.company_id = c.id AND n.percent = percent.percent AND n.fell_at IS NULL))
     ORDER BY c.id`.execute(db)
  return rows.map(({ id }) => id)
}

/**
 * Writes down what a company has reached; answers the highest of it, or undefined where there is nothing new: another process may have
 * been here first. That one commits before this one goes on.
 */
export async function recordReached(trx: Transaction<DB>, companyId: number): Promise<ReachedShare | undefined> {
  const { rows } = await sql<ReachedShare>`
    WITH reached AS (
      INSERT INTO fleet.storage_notices (company_id, percent, used_bytes, quota_gb, is_told, reached_at)
      SELECT c.id, percent, c.storage_used_bytes, c.storage_quota_gb, percent = max(percent) OVER (), fleet.utc_now() AT TIME ZONE 'UTC'
        FROM companies AS c
       CROSS JOIN unnest(${thresholds}::smallint[]) AS percent
       WHERE c.id = ${companyId} AND c.is_active IS NOT FALSE AND ${isReached}
       ORDER BY percent
          ON CONFLICT (company_id, percent) WHERE fell_at IS NULL DO NOTHING
   RETURNING id, company_id, percent, used_bytes, quota_gb, is_told
    )
    SELECT r.id::text AS "noticeId", r.percent, r.used_bytes::float8 AS "usedBytes", r.quota_gb AS "quotaGb",
           c.name AS "companyName", nullif(btrim(c.contact_email), '') AS email, nullif(btrim(c.telegram_chat_id), '') AS "chatId",
           c.locale, c.timezone
      FROM reached AS r
      JOIN companies AS c ON c.id = r.company_id
     WHERE r.is_told`.execute(trx)
  return rows[0]
}

export async function insertStorageNotice(trx: Transaction<DB>, notice: StorageNotice): Promise<void> {
  const { companyId, noticeId, channel, subject, message, facts, scheduledAt } = notice
  const data = { ...facts, notice: `storage:${noticeId}` }
  await sql`
    INSERT INTO notifications
           (company_id, type, notification_type, priority, subject, message, source, service_name, event_data, scheduled_at)
    VALUES (${companyId}, ${channel}, 'storage_quota', 'normal', ${subject}, ${message}, 'fleet', 'usage',
            ${JSON.stringify(data)}::jsonb, ${scheduledAt?.toISOString() ?? null}::timestamptz AT TIME ZONE 'UTC')`.execute(
    trx,
  )
}

/** Cancels what a company is still to be told of its storage, but for one notice. */
export async function cancelOtherNotices(trx: Transaction<DB>, companyId: number, noticeId: string): Promise<void> {
  await sql`
    UPDATE notifications AS n
       SET ${cancelling}
     WHERE n.event_data ->> 'notice' IN (SELECT 'storage:' || id FROM fleet.storage_notices
                                          WHERE company_id = ${companyId} AND id <> ${noticeId}::bigint)
       AND ${hasNotGoneOut}`.execute(trx)
}

/**
 * Notes that companies have fallen below shares that they had reached, and cancels what they are still to be told of those. From then on
 * they are told again. Answers how many shares.
 */
export async function withdrawFallen(db: Kysely<DB>): Promise<number> {
  const { rows } = await sql<{ fallen: number }>`
    WITH fallen AS (
      UPDATE fleet.storage_notices AS n
         SET fell_at = fleet.utc_now() AT TIME ZONE 'UTC'
        FROM companies AS c
       WHERE n.fell_at IS NULL AND c.id = n.company_id AND c.is_active IS NOT FALSE AND (${isReached}) IS NOT TRUE
   RETURNING n.id
    ),
    cancelled AS (
      UPDATE notifications AS n
         SET ${cancelling}
       WHERE n.event_data ->> 'notice' IN (SELECT 'storage:' || id FROM fallen) AND ${hasNotGoneOut}
    )
    SELECT count(*)::int AS fallen FROM fallen`.execute(db)
  return rows[0]?.fallen ?? 0
}

/** What failed on one channel and has not been tried on the next ends as it is. */
const hasNotGoneOut = sql`(n.status IN ('pending', 'sending', 'held') OR n.needs_fallback)`
const cancelling = sql`
  status = CASE WHEN n.status IN ('pending', 'sending', 'held') THEN 'cancelled' ELSE n.status END, needs_fallback = false`

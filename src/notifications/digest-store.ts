import { sql } from 'kysely'
import type { Database } from '../db/pool.ts'
import type { ChannelName, Told } from './notice.ts'
import { type NotificationRow, soonest } from './store.ts'

/** As many go out as one at most: what one statement takes along in a small part of a lease. */
export const mostNotices = 1_000

/**
 * Takes along what waits for the same reader through the same channel: the rows of the group that have the same company, recipient,
 * language and fallback. From then on they share what becomes of the row. Answers how many it tells of, itself included; nobody else
 * takes them.
 */
export async function gatherDigest(database: Database, channel: ChannelName, row: NotificationRow): Promise<number> {
  const statement = sql<{ size: number }>`
    WITH carrier AS MATERIALIZED (
      SELECT * FROM notifications WHERE id = ${row.id} AND claim_token = ${row.token} AND status = 'sending' FOR NO KEY UPDATE
    ),
    mates AS MATERIALIZED (
      SELECT n.id
        FROM notifications AS n, carrier
       WHERE n.group_id = carrier.group_id AND n.type = ${channel} AND n.status = 'pending' AND n.digest_of IS NULL
         AND n.id <> carrier.id AND n.digest_size IS NULL AND n.prio > ${sql.lit(soonest)} AND n.attempts = 0
         AND n.parts IS NULL
         AND n.recipient IS NOT DISTINCT FROM carrier.recipient
         AND n.company_id IS NOT DISTINCT FROM carrier.company_id
         AND lower(n.event_data ->> 'locale') IS NOT DISTINCT FROM lower(carrier.event_data ->> 'locale')
         AND n.event_data -> 'fallback' IS NOT DISTINCT FROM carrier.event_data -> 'fallback'
         AND coalesce(n.subject, '') || coalesce(n.message, '') <> ''
         AND (n.scheduled_at IS NULL OR n.scheduled_at <= fleet.utc_now())
         AND (n.not_after IS NULL OR n.not_after > fleet.utc_now())
       ORDER BY n.id
       LIMIT ${sql.lit(mostNotices - 1)}
         FOR UPDATE OF n SKIP LOCKED
    ),
    joined AS (
      UPDATE notifications AS n SET status = 'sending', digest_of = ${row.id}, leased_until = 'infinity' FROM mates WHERE n.id = mates.id RETURNING n.id
    )
    UPDATE notifications AS n
       SET digest_size = 1 + (SELECT count(*) FROM joined)
      FROM carrier
     WHERE n.id = carrier.id AND EXISTS (SELECT FROM joined)
 RETURNING n.digest_size AS size`.compile(database.db)
  const rows = await database.runPrepared('notifications gather digest', statement)
  return rows[0]?.size ?? 1
}

interface MemberRow extends Omit<Told, 'data'> {
  readonly event_data: unknown
}

/** What the digest of a row tells beside the row itself, in order; what was cancelled since is left out, and what is too late ends as that. */
export async function readDigest(database: Database, row: NotificationRow): Promise<MemberRow[]> {
  const statement = sql<MemberRow>`
    WITH late AS (
      UPDATE notifications
         SET status = 'expired', error_class = 'expired', last_error = 'Not sent before its not_after', leased_until = NULL
       WHERE digest_of = ${row.id} AND status = 'sending' AND not_after <= fleet.utc_now()
    )
    SELECT id, subject, message, event_data FROM notifications
     WHERE digest_of = ${row.id} AND status = 'sending' AND (not_after <= fleet.utc_now()) IS NOT TRUE
     ORDER BY id`.compile(database.db)
  return database.runPrepared('notifications read digest', statement)
}

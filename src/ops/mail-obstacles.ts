import { type RawBuilder, sql } from 'kysely'

/**
 * Why row `q` is not put back into the queue: what it said was erased, it would expire at once, or a worker may be sending it still. NULL
 * where nothing speaks against it.
 */
export function sendingObstacle(notAfter: RawBuilder<unknown> = sql`q.not_after`): RawBuilder<string | null> {
  return sql`
    CASE WHEN q.erased_at IS NOT NULL THEN 'erased'
         WHEN ${notAfter} <= (SELECT fleet.utc_now()) THEN 'would_expire'
         WHEN q.status = 'cancelled' AND q.leased_until > now() THEN 'being_sent' END`
}

import { type RawBuilder, sql } from 'kysely'

/** Why row `q` is not put back into the queue: it would expire at once, or a worker may be sending it still. NULL where nothing does. */
export function sendingObstacle(notAfter: RawBuilder<unknown> = sql`q.not_after`): RawBuilder<string | null> {
  return sql`
    CASE WHEN ${notAfter} <= (SELECT fleet.utc_now()) THEN 'would_expire'
         WHEN q.status = 'cancelled' AND q.leased_until > now() THEN 'being_sent' END`
}

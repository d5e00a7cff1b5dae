import { type RawBuilder, sql } from 'kysely'

/**
 * Whether a server may have row `q` although nobody knows: its answer was lost, or a worker died that had handed it over. To send such a
 * mail again may be to send it twice.
 */
export const isAmbiguous: RawBuilder<boolean> = sql`
  coalesce(q.error_class = 'answer_lost'
           OR q.error_class = 'worker_died' AND EXISTS (
             SELECT FROM fleet.email_attempts AS attempt WHERE attempt.email_id = q.id AND attempt.outcome = 'ambiguous'),
           false)`

import { type RawBuilder, sql } from 'kysely'

/**
 * Whether a server may have row `q` although nobody knows: an answer was lost, or a worker died that had handed it over, in this attempt
 * or one before. To send such a mail again may be to send it twice.
 */
export const isAmbiguous: RawBuilder<boolean> = sql`
  (coalesce(q.error_class = 'answer_lost', false)
   OR EXISTS (SELECT FROM fleet.email_attempts AS attempt WHERE attempt.email_id = q.id AND attempt.outcome = 'ambiguous')
   OR EXISTS (SELECT FROM fleet.email_handovers AS mark WHERE mark.token = q.claim_token))`

import { sql } from 'kysely'
import { replayableStatuses } from './email-status.ts'
import { endedAt, type MailFilter } from './mail-filter.ts'
import { mailQueue } from './mail-queue.ts'
import type { StatusChange } from './status-change.ts'

/**
 * Puts mails back into the queue: attempts start afresh, and those who have the mail already do not get it again. A mail that
 * would expire at once is left alone, and one that a worker may still be sending.
 */
export const replay: StatusChange<MailFilter> = {
  queue: mailQueue,
  action: 'replay',
  from: replayableStatuses,
  to: 'pending',
  changed: endedAt,
  obstacle: sql`
    CASE WHEN q.not_after <= fleet.utc_now() THEN 'would_expire'
         WHEN q.status = 'cancelled' AND q.leased_until > now() THEN 'being_sent' END`,
}

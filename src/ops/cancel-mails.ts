import { sql } from 'kysely'
import { cancellableStatuses } from './email-status.ts'
import { changedAt, type MailFilter } from './mail-filter.ts'
import { mailQueue } from './mail-queue.ts'
import type { StatusChange } from './status-change.ts'

/** Takes mails out of the queue for good, until somebody replays them. One that is being sent may be out already. */
export const cancel: StatusChange<MailFilter> = {
  queue: mailQueue,
  action: 'cancel',
  from: cancellableStatuses,
  to: 'cancelled',
  changed: changedAt,
  obstacle: sql`NULL::text`,
}

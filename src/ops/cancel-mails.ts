import { sql } from 'kysely'
import { cancellableStatuses } from './email-status.ts'
import { changedAt } from './mail-filter.ts'
import type { StatusChange } from './status-change.ts'

/** Takes mails out of the queue for good, until somebody replays them. One that is being sent may be out already. */
export const cancel: StatusChange = {
  action: 'cancel',
  from: cancellableStatuses,
  to: 'cancelled',
  changed: changedAt,
  obstacle: sql`NULL::text`,
}

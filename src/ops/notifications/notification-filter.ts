import { type RawBuilder, sql } from 'kysely'
import type { ChannelName } from '../../notifications/notice.ts'
import { goesTo } from '../mail-filter.ts'
import { type MessageFilter, messageCondition } from '../message-filter.ts'
import type { NotificationStatus } from './notification-status.ts'
import type { RecipientPattern } from './recipient-pattern.ts'

/** Which notifications are meant: those for which everything given holds. */
export interface NotificationFilter extends MessageFilter {
  readonly statuses?: readonly NotificationStatus[] | undefined
  readonly channels?: readonly ChannelName[] | undefined
  readonly companyId?: number | undefined
  /** What happened: `notification_type`. */
  readonly type?: string | undefined
  readonly group?: string | undefined
  readonly to?: RecipientPattern | undefined
}

/** When the status of row `q` last changed. */
export const notificationChangedAt: RawBuilder<Date> = sql`q.changed_at`

/** The filter as a condition on row `q`, but for the statuses. */
export function notificationCondition(filter: NotificationFilter): RawBuilder<boolean> {
  const { channels, companyId, type, group, to } = filter
  return messageCondition(filter, notificationChangedAt, [
    channels && sql`q.type = ANY(${channels}::text[])`,
    companyId !== undefined && sql`q.company_id = ${companyId}`,
    type !== undefined && sql`q.notification_type = ${type}`,
    group !== undefined && sql`q.group_id = ${group}`,
    to && notifies(to),
  ])
}

/** Whether the row goes there. Phone numbers are told apart from how they are written. */
function notifies({ text, address, numbers }: RecipientPattern): RawBuilder<boolean> {
  if (address !== undefined) return sql`(q.type = 'email' AND ${goesTo(address, ['recipient'])})`
  const isIt = sql<boolean>`lower(q.recipient) = lower(${text})`
  if (numbers.length === 0) return isIt
  return sql`(${isIt} OR (q.type = 'sms' AND regexp_replace(q.recipient, '[^0-9+]', '', 'g') = ANY(${numbers}::text[])))`
}

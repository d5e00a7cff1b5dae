import type { Command } from 'commander'
import type { Kysely } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type ChannelName, channelNames } from '../../notifications/notice.ts'
import type { NotificationFilter } from '../../ops/notifications/notification-filter.ts'
import {
  type NotificationPriority,
  type NotificationStatus,
  notificationPriorities,
} from '../../ops/notifications/notification-status.ts'
import { type RecipientPattern, readRecipientPattern } from '../../ops/notifications/recipient-pattern.ts'
import { type CommonFilterOptions, toCommonFilter } from '../filter-options.ts'
import { by, each, once, oneOf, someText } from '../option-parsers.ts'
import { requireCompany } from './company.ts'

/** The filters of notifications, as commander hands them over. */
export interface NotificationFilterOptions extends CommonFilterOptions {
  readonly status?: readonly NotificationStatus[]
  readonly channel?: readonly ChannelName[]
  readonly company?: string
  readonly type?: string
  readonly group?: string
  readonly to?: RecipientPattern
}

const priorityWords = Object.keys(notificationPriorities) as NotificationPriority[]
const readPriority = oneOf(priorityWords)

/** Adds the filters that only notifications have. */
export function addNotificationFilters(command: Command): Command {
  return command
    .option('--channel <channel>', `${channelNames.join(', ')}; several likewise`, each(oneOf(channelNames)))
    .option('--company <company>', 'of this company: its id, slug or name', once(someText()))
    .option('--type <type>', 'about this: its notification_type, such as expiry_warning', once(someText()))
    .option('--group <id>', 'of this group', once(someText()))
    .option(
      '--to <recipient>',
      'to this address, @domain, chat id or phone number',
      once(by(readRecipientPattern, 'name@example.org, @example.org, a chat id or a phone number')),
    )
    .option(
      '--priority <priority>',
      `${priorityWords.join(', ')}; several likewise`,
      each((text) => notificationPriorities[readPriority(text)]),
    )
}

/** The filter, with durations counted back from `now`. */
export async function toNotificationFilter(
  options: NotificationFilterOptions,
  now: Date,
  db: Kysely<DB>,
): Promise<NotificationFilter> {
  const { status, channel, company, type, group, to } = options
  const companyId = company === undefined ? undefined : (await requireCompany(db, company)).id
  return { ...toCommonFilter(options, now), statuses: status, channels: channel, companyId, type, group, to }
}

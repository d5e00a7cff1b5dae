import type { Locale } from '../email/locale.ts'
import type { EntityType } from './subscription.ts'

/** What a notice about a subscription's end is to say. */
export interface NoticeFacts {
  /** The template of its stage. */
  readonly template: string
  readonly entityType: EntityType
  readonly entityName: string
  readonly companyName: string
  readonly endsAt: Date
  /** Whether the end is still ahead when the notice is decided, and whole days until then. */
  readonly daysLeft: number
  readonly autoRenew: boolean
  readonly locale: Locale
  readonly timezone: string
}

/** `event_data` for the template, and what the other channels show. `message` is Telegram's HTML, escaped. */
export interface NoticeText {
  readonly subject: string
  readonly message: string
  readonly variables: Readonly<Record<string, unknown>>
}

export function writeNotice(facts: NoticeFacts): NoticeText {
  const { entityName, companyName, endsAt, daysLeft, autoRenew, locale, timezone } = facts
  return {
    subject: `${facts.template} ${entityName}`,
    message: `${facts.template} ${entityName}`,
    variables: {
      entity_name: entityName,
      company_name: companyName,
      ends_at: endsAt.toISOString(),
      days_left: daysLeft,
      auto_renew: autoRenew,
      locale,
      timezone,
    },
  }
}

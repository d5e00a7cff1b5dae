import type { Locale } from '../email/locale.ts'

/** The ways to reach somebody, as `notifications.type` names them. */
export const channelNames = ['email', 'telegram', 'sms', 'system'] as const

export type ChannelName = (typeof channelNames)[number]

/** What one row tells. */
export interface Told {
  /** Of the row. */
  readonly id: number
  readonly subject: string | null
  /** For Telegram it may hold markup. */
  readonly message: string | null
  /** `event_data` as an object; anything else that a program has written counts as empty. */
  readonly data: Readonly<Record<string, unknown>>
}

/** What is to be told to somebody through a channel: one row, or several as a digest. */
export interface Notice extends Told {
  readonly channel: ChannelName
  readonly companyId: number | null
  /** What happened: `expiry_warning`, `expired` and others. */
  readonly notificationType: string | null
  /** 1 urgent, 3 high, 5 normal, 7 low. */
  readonly prio: number
  /** Address, chat id or phone number; null for nobody. */
  readonly recipient: string | null
  readonly locale: Locale
  /** What the channel has recorded of earlier attempts; null for nothing. */
  readonly parts: unknown
  /** What a digest tells, in order, the row itself included; empty for a notice by itself. */
  readonly digest: readonly Told[]
}

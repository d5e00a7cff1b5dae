import type { Config } from '../config/config.ts'

/** What the configuration says about notices of a subscription's end. */
export interface SweepSettings {
  readonly defaultLocale: 'ru' | 'en'
  readonly defaultTimeZone: string
  /** When notices go out, by the clock where the company is. */
  readonly hours: { readonly opens: string; readonly closes: string }
  /** After so many days nobody is told any more. */
  readonly longPastDays: number
  /** A pass changes no more than the larger of these at once, the second being a share of all active subscriptions. */
  readonly maxChanges: number
  readonly maxPercent: number
  readonly admin: { readonly email: string | undefined; readonly telegramChatId: string | undefined }
}

export function sweepSettings({ defaultLocale, defaultTimeZone, subscriptions, admin }: Config): SweepSettings {
  return {
    defaultLocale,
    defaultTimeZone,
    ...subscriptions,
    admin: { email: admin.email, telegramChatId: admin.telegramChatId },
  }
}

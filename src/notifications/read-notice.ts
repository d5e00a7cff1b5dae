import { readLocale, resolveLocale } from '../email/locale.ts'
import type { ChannelName, Notice, Told } from './notice.ts'
import type { NotificationRow } from './store.ts'

/** `event_data` of a row: an object, or else as if there were none. */
export function readData(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a row tells, with what goes out with it. */
export function readNotice(
  row: NotificationRow,
  channel: ChannelName,
  { members, defaultLocale }: { readonly members: readonly Told[]; readonly defaultLocale: 'ru' | 'en' },
): Notice {
  const { id, subject, message, company_id, company_locale, notification_type, prio, recipient, parts, event_data } =
    row
  const data = readData(event_data)
  const told = { id, subject, message, data }
  return {
    ...told,
    channel,
    companyId: company_id,
    notificationType: notification_type,
    prio,
    recipient,
    locale: readLocale(data.locale) ?? resolveLocale(company_locale, defaultLocale),
    parts,
    digest: members.length === 0 ? [] : [told, ...members].sort((a, b) => a.id - b.id),
  }
}

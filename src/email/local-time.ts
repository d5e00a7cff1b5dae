import type { DateTime } from 'luxon'
import { luxon } from './late-modules.ts'
import type { Locale } from './locale.ts'

/** How an instant is read by its recipient. */
export type LocalClock = { readonly locale: Locale; readonly timezone: string }

const intlLocales: Record<Locale, string> = { ru: 'ru', en: 'en-GB' }
const afterYear: Record<Locale, string> = { ru: ' г.', en: '' }

/** Names that Intl spells as an offset ("GMT+3") although people know them by name. */
const zoneNames: Record<string, Record<Locale, string>> = {
  'Europe/Moscow': { ru: 'МСК', en: 'MSK' },
}

/**
 * Reads an instant as JSON writers spell it: ISO 8601, or PostgreSQL's form with a space for the T. Without an offset
 * it is UTC, as every TIMESTAMP column is. Undefined for anything else.
 */
export function parseInstant(value: unknown): DateTime<true> | undefined {
  if (typeof value !== 'string') return undefined
  const { DateTime } = luxon()
  const text = value.trim()
  const iso = DateTime.fromISO(text, { zone: 'utc' })
  if (iso.isValid) return iso
  const sql = DateTime.fromSQL(text, { zone: 'utc' })
  return sql.isValid ? sql : undefined
}

/** "23 декабря 2026 г., 18:00 (МСК)", "23 December 2026, 18:00 (MSK)". */
export function formatLocalTime(instant: DateTime<true>, clock: LocalClock): string {
  const parts = readParts(instant, clock)
  const zone = zoneNames[clock.timezone]?.[clock.locale] ?? parts.timeZoneName
  return `${dateOf(parts, clock)}, ${parts.hour}:${parts.minute} (${zone})`
}

/** "23 декабря 2026 г.", "23 December 2026". */
export function formatLocalDate(instant: DateTime<true>, clock: LocalClock): string {
  return dateOf(readParts(instant, clock), clock)
}

/** How many midnights of the time zone lie between the two: negative where `until` is on an earlier day. */
export function calendarDays({ from, until }: { readonly from: Date; readonly until: Date }, timezone: string): number {
  return localDay(until, timezone) - localDay(from, timezone)
}

/** Days of the local calendar since 1970. */
function localDay(time: Date, timezone: string): number {
  const offsetMinutes = luxon().IANAZone.create(timezone).offset(time.getTime())
  return Math.floor((time.getTime() + offsetMinutes * 60_000) / 86_400_000)
}

type Parts = Partial<Record<Intl.DateTimeFormatPartTypes, string>>

function dateOf({ day, month, year }: Parts, { locale }: LocalClock): string {
  return `${day} ${month} ${year}${afterYear[locale]}`
}

function readParts(instant: DateTime<true>, clock: LocalClock): Parts {
  const parts: Parts = {}
  for (const { type, value } of formatterOf(clock).formatToParts(instant.toMillis())) parts[type] = value
  return parts
}

/** Making one takes ten times as long as using it, and a sweep writes thousands of times. */
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf({ locale, timezone }: LocalClock): Intl.DateTimeFormat {
  const key = `${locale} ${timezone}`
  let formatter = formatters.get(key)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat(intlLocales[locale], {
      ...{ day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit' },
      ...{ timeZoneName: 'short', hourCycle: 'h23', timeZone: timezone },
    })
    formatters.set(key, formatter)
  }
  return formatter
}

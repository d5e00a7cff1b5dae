import type { DateTime } from 'luxon'
import { luxon } from './late-modules.ts'
import type { Locale } from './locale.ts'

/** How an instant is read by its recipient. */
export type LocalClock = { readonly locale: Locale; readonly timezone: string }

const datePatterns: Record<Locale, string> = { ru: "d MMMM yyyy 'г.'", en: 'd MMMM yyyy' }
const intlLocales: Record<Locale, string> = { ru: 'ru', en: 'en-GB' }

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
  const local = instant.setZone(clock.timezone).setLocale(intlLocales[clock.locale])
  const zone = zoneNames[clock.timezone]?.[clock.locale] ?? local.offsetNameShort
  return `${local.toFormat(`${datePatterns[clock.locale]}, HH:mm`)} (${zone})`
}

/** "23 декабря 2026 г.", "23 December 2026". */
export function formatLocalDate(instant: DateTime<true>, clock: LocalClock): string {
  return instant.setZone(clock.timezone).setLocale(intlLocales[clock.locale]).toFormat(datePatterns[clock.locale])
}

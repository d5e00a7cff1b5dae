import { luxon } from './late-modules.ts'

/** The languages that mail is written in. */
export type Locale = 'ru' | 'en'

const defaultTimeZone = 'Europe/Moscow'
const knownTimeZones = new Set<string>()

/** The language that `value` asks for (`en`, `EN`, `en-US`, `ru_RU`); undefined where it asks for none that exists. */
export function readLocale(value: unknown): Locale | undefined {
  if (typeof value !== 'string') return undefined
  const language = value.trim().toLowerCase().split(/[-_]/, 1)[0]
  return language === 'ru' || language === 'en' ? language : undefined
}

/** The language that `value` asks for, or `fallback` where it asks for none that exists. */
export function resolveLocale(value: unknown, fallback: Locale): Locale {
  return readLocale(value) ?? fallback
}

/**
 * The IANA time zone that `value` names, or Europe/Moscow where it names none. A wrong name does not stop a mail:
 * every time in it carries the label of the zone it is in.
 */
export function resolveTimeZone(value: unknown): string {
  if (typeof value !== 'string') return defaultTimeZone
  if (knownTimeZones.has(value)) return value
  if (!luxon().IANAZone.isValidZone(value)) return defaultTimeZone
  knownTimeZones.add(value)
  return value
}

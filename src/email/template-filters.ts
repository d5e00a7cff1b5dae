import type { Liquid } from 'liquidjs'
import { formatLocalDate, formatLocalTime, type LocalClock, parseInstant } from './local-time.ts'
import { resolveLocale, resolveTimeZone } from './locale.ts'
import { shorten } from './shorten.ts'
import { markupToHtml, markupToText } from './simple-markup.ts'
import { readWebLink } from './web-link.ts'

/** A value that cannot be put into a mail. The message says what it is and what is wanted. */
export class UnfitValue extends Error {
  override readonly name = 'UnfitValue'
}

const pluralRules = { ru: new Intl.PluralRules('ru'), en: new Intl.PluralRules('en') }

/**
 * The filters of mail templates, which throw `UnfitValue`:
 * `local_time` and `local_date` write an instant in the recipient's time zone and language, `plural` picks the form
 * of a noun that goes with a number, `web_link` lets only http and https addresses through; `markup` makes HTML of a text
 * with simple tags, which alone is not escaped again, and `without_markup` takes them away; `shorten` cuts a text to so many characters.
 */
export function registerTemplateFilters(engine: Liquid): void {
  engine.registerFilter('local_time', function (value: unknown) {
    return formatLocalTime(instantOf(value), clockOf(this.context))
  })
  engine.registerFilter('local_date', function (value: unknown) {
    return formatLocalDate(instantOf(value), clockOf(this.context))
  })
  engine.registerFilter('plural', function (value: unknown, ...forms: unknown[]) {
    return pluralForm(value, forms, clockOf(this.context))
  })
  engine.registerFilter('web_link', webLink)
  engine.registerFilter('markup', { raw: true, handler: (value: unknown) => markupToHtml(printable(value)) })
  engine.registerFilter('without_markup', (value: unknown) => markupToText(printable(value)))
  engine.registerFilter('shorten', (value: unknown, most: number) => shorten(printable(value), most))
}

/** The value as text; an object or an array is no text. */
export function printable(value: unknown): string {
  if (typeof value === 'object' && value !== null) throw new UnfitValue(`${describe(value)} cannot be written as text`)
  return value === null || value === undefined ? '' : String(value)
}

function clockOf(scope: { getSync(path: string[]): unknown }): LocalClock {
  return {
    locale: resolveLocale(scope.getSync(['locale']), 'ru'),
    timezone: resolveTimeZone(scope.getSync(['timezone'])),
  }
}

function instantOf(value: unknown) {
  const instant = parseInstant(value)
  if (!instant) throw new UnfitValue(`${describe(value)} is not a time; ISO 8601 is wanted, like 2026-12-23T15:00:00Z`)
  return instant
}

/** Forms in the order of CLDR: one, few, many for Russian; one, other for English. */
function pluralForm(value: unknown, forms: unknown[], clock: LocalClock): string {
  const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) {
    throw new UnfitValue(`${describe(value)} is not a whole number from 0 up`)
  }
  const category = pluralRules[clock.locale].select(count)
  const position = { zero: 2, one: 0, two: 1, few: 1, many: 2, other: forms.length - 1 }[category]
  return String(forms[position])
}

function webLink(value: unknown): string {
  const link = readWebLink(value)
  if (link === undefined) throw new UnfitValue(`${describe(value)} is not a link; an http or https address is wanted`)
  return link
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

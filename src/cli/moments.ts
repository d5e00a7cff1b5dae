import type { Reading } from '../runtime/reading.ts'

/** A point in time as people give it: itself, or how far from now it is. */
export type Moment = { readonly at: Date } | { readonly distanceMs: number }

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const longestMs = 100 * 365 * 86_400_000
const duration = /^(?:\d{1,9}(?:s|m|h|d|w))+$/
const isoTime =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(?:(Z)|([+-]\d{2}):?(\d{2})?)?)?$/i

export const momentForms =
  'a time such as 2026-11-22T14:05 (UTC unless it ends in an offset) or a duration such as 2h, 30m, 7d'

/** Reads `2026-11-22`, `2026-11-22T14:05:30+03:00`, `2h`, `1h30m`. Never throws. */
export function readMoment(text: string): Reading<Moment> {
  const given = text.trim()
  if (duration.test(given)) {
    const parts = [...given.matchAll(/(\d+)(\D)/g)]
    const distanceMs = parts.reduce((sum, [, digits, unit]) => sum + Number(digits) * (unitMs[unit ?? ''] ?? 0), 0)
    return distanceMs > longestMs ? { reason: 'is longer than 100 years' } : { value: { distanceMs } }
  }
  const [, date, clock = '00:00', seconds = '00', fraction = '0', , hours, minutes = '00'] = isoTime.exec(given) ?? []
  if (date === undefined) return { reason: 'is neither a time nor a duration' }
  const wall = Date.parse(`${date}T${clock}:${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
  // Date.parse turns 30 February into 2 March, and 24:00 into the next day.
  if (Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(`${date}T${clock}:${seconds}`)) {
    return { reason: 'is no time that there is' }
  }
  const offset = hours === undefined ? 'Z' : `${hours}:${minutes}`
  const at = new Date(`${new Date(wall).toISOString().slice(0, -1)}${offset}`)
  return Number.isNaN(at.getTime()) ? { reason: 'has no valid offset' } : { value: { at } }
}

/** The moment, where a duration means back from now. */
export function momentBefore(now: Date, moment: Moment): Date {
  return 'at' in moment ? moment.at : new Date(now.getTime() - moment.distanceMs)
}

/** The moment, where a duration means from now on. */
export function momentAfter(now: Date, moment: Moment): Date {
  return 'at' in moment ? moment.at : new Date(now.getTime() + moment.distanceMs)
}

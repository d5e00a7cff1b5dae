import type { Logger } from 'pino'
import { luxon } from '../email/late-modules.ts'

/** When a company is not to be disturbed, as its row says: local times such as `22:00:00`. Without both there are no quiet hours. */
export interface QuietHours {
  readonly timezone: string | null
  readonly from: string | null
  readonly until: string | null
}

export interface Opening {
  /** When sending is next open: `now` itself where it is open. */
  readonly at: Date
  /** The time zone's name where nobody knows it; the default one was taken. */
  readonly unknownZone?: string
}

/** The offset from UTC at an instant, both in milliseconds. */
type OffsetAt = (instant: number) => number

const dayMs = 24 * 60 * 60 * 1_000

/**
 * Says when sending is next open. Quiet is what the clock on the wall shows within [from, until), over midnight too; equal times mean
 * no quiet hours. Where a clock that is set forward skips the end, sending opens with the change; where one is set back into the quiet
 * hours it is quiet again.
 */
export function nextOpen({ timezone, from, until }: QuietHours, now: Date, defaultTimeZone: string): Opening {
  const [opens, closes] = [timeOfDay(until), timeOfDay(from)]
  if (opens === undefined || closes === undefined || opens === closes) return { at: now }
  const asked = timezone?.trim() || defaultTimeZone
  // Unlike `isValidZone`, `create` remembers what it has found out about a name.
  const { IANAZone } = luxon()
  const known = IANAZone.create(asked)
  const zone = known.isValid ? known : IANAZone.create(defaultTimeZone)
  const at = opening(now.getTime(), { opens, closes }, (instant) => zone.offset(instant) * 60_000)
  return { at: new Date(at), ...(!known.isValid && { unknownZone: asked }) }
}

/** `nextOpen` with a default time zone, and one warning for each name that is none. */
export function quietHours(defaultTimeZone: string, log: Logger): (quiet: QuietHours, now: Date) => Date {
  const told = new Set<string>()
  return (quiet, now) => {
    const { at, unknownZone } = nextOpen(quiet, now, defaultTimeZone)
    if (unknownZone !== undefined && !told.has(unknownZone)) {
      told.add(unknownZone)
      log.warn({ timezone: unknownZone, defaultTimeZone }, 'unknown time zone: the default one is taken')
    }
    return at
  }
}

/** Follows the clock on the wall from `now`: to the end of the quiet hours, or to a change of the clock that comes first. */
function opening(now: number, { opens, closes }: { opens: number; closes: number }, offsetAt: OffsetAt): number {
  const wall = modulo(now + offsetAt(now), dayMs)
  const quietMs = modulo(opens - closes, dayMs)
  if (modulo(wall - closes, dayMs) >= quietMs) return now
  const end = now + modulo(opens - wall, dayMs)
  if (offsetAt(end) === offsetAt(now)) return end
  return opening(clockChange(now, end, offsetAt), { opens, closes }, offsetAt)
}

/** The first instant with another offset than `before`, to the millisecond; `after` has another one. */
function clockChange(before: number, after: number, offsetAt: OffsetAt): number {
  const middle = Math.floor((before + after) / 2)
  if (middle === before) return after
  return offsetAt(middle) === offsetAt(before)
    ? clockChange(middle, after, offsetAt)
    : clockChange(before, middle, offsetAt)
}

/** Milliseconds since midnight of a time as PostgreSQL writes it; `24:00` is midnight. Undefined where it is none. */
function timeOfDay(text: string | null): number | undefined {
  const [, hours, minutes, seconds = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(text ?? '') ?? []
  if (hours === undefined || minutes === undefined) return undefined
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000 + Math.floor(Number(seconds) * 1_000)
  return ms <= dayMs ? ms % dayMs : undefined
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor
}

import { day, hour, minute } from './moments.ts'

const opens = 9 * hour
const closes = 20 * hour
const defaultZone = 'Europe/Moscow'
const formats = new Map<string, Intl.DateTimeFormat | undefined>()

/** Written without the fleet's own calendar: what `Intl` shows is what somebody there reads off the wall. */
export function nextOpening(zone: string | null, now: number): number {
  const wall = wallTime(zone, now)
  const ofDay = wall % day
  if (ofDay >= opens && ofDay < closes) return now
  const midnight = wall - ofDay
  return instantOf(zone, midnight + opens + (ofDay < opens ? 0 : day))
}

/** The date there, such as `2027-03-14`. */
export function localDay(zone: string | null, instant: number): string {
  return new Date(wallTime(zone, instant)).toISOString().slice(0, 10)
}

/** The instant at which the wall shows that, which no zone of the simulation skips or has twice. */
function instantOf(zone: string | null, wall: number): number {
  for (let offset = -14 * hour; offset <= 14 * hour; offset += 15 * minute) {
    if (wallTime(zone, wall - offset) === wall) return wall - offset
  }
  throw new Error(`The clocks in ${zone} never show ${new Date(wall).toISOString()}`)
}

/** What the wall shows, as if it were UTC; whole seconds. */
function wallTime(zone: string | null, instant: number): number {
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const { year = 0, month = 1, day: date, hour: hours, minute: minutes, second } = parts
  return Date.UTC(year, month - 1, date, hours, minutes, second)
}

function formatOf(zone: string | null): Intl.DateTimeFormat {
  const found = formatIn(zone?.trim() || defaultZone) ?? formatIn(defaultZone)
  if (!found) throw new Error(`There is no ${defaultZone}`)
  return found
}

/** Undefined where nobody knows such a zone. */
function formatIn(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(timeZone)) formats.set(timeZone, makeFormat(timeZone))
  return formats.get(timeZone)
}

function makeFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  const number = 'numeric'
  try {
    return new Intl.DateTimeFormat('en', {
      timeZone,
      hourCycle: 'h23',
      year: number,
      month: number,
      day: number,
      hour: number,
      minute: number,
      second: number,
    })
  } catch {
    return undefined
  }
}

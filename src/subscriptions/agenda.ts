import { luxon } from '../email/late-modules.ts'
import { nextOpen } from '../notifications/quiet-hours.ts'
import type { SweepSettings } from './settings.ts'

/** What the clocks of the companies say during one pass. Worked out once for each time zone: it takes as long as the text of a notice. */
export interface Agenda {
  readonly now: Date
  /** When sending is next open there: now where it is. */
  nextOpening(timezone: string): Date
  /** The day of the calendar there, `2026-03-02`. */
  dayOf(instant: Date, timezone: string): string
}

export function createAgenda(now: Date, { hours, defaultTimeZone }: SweepSettings): Agenda {
  const openings = new Map<string, Date>()
  const days = new Map<string, string>()
  return {
    now,
    nextOpening(timezone) {
      const quiet = { timezone, from: hours.closes, until: hours.opens }
      return remembered(openings, timezone, () => nextOpen(quiet, now, defaultTimeZone).at)
    },
    dayOf(instant, timezone) {
      const format = () => luxon().DateTime.fromJSDate(instant, { zone: timezone }).toFormat('yyyy-MM-dd')
      return remembered(days, `${instant.getTime()} ${timezone}`, format)
    },
  }
}

function remembered<Value>(known: Map<string, Value>, key: string, find: () => Value): Value {
  const found = known.get(key) ?? find()
  known.set(key, found)
  return found
}

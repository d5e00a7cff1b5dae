import { cronMoment } from './cron-moment.ts'
import { fault, type RotationFault } from './rotation-fault.ts'

/** When a schedule rotates, as its row says. */
export interface RotationTimes {
  readonly rotationType: string
  /** PostgreSQL's text of a `time`: `09:00:00`, up to `24:00:00`; null for 09:00. */
  readonly timeOfDay: string | null
  /** 1 for Monday to 7 for Sunday. */
  readonly dayOfWeek: number | null
  /** 1 to 31, or the last day of a shorter month. */
  readonly dayOfMonth: number | null
  /** Goes before all others where it is not blank. */
  readonly cronExpression: string | null
}

export type NextRotation = { readonly kind: 'at'; readonly at: Date } | RotationFault

const usualTime = '09:00:00'
const dayMs = 24 * 3_600_000

/**
 * The first moment of a schedule that is later than `after`, or what is wrong with it. All in UTC, where every day has 24 hours. `random`
 * only says which video is next: it comes monthly where the row has a day of the month, weekly where it has one of the week, else daily.
 */
export function nextRotation(times: RotationTimes, after: Date): NextRotation {
  const { rotationType, cronExpression } = times
  if (cronExpression !== null && cronExpression.trim() !== '') return cronMoment(cronExpression, after)
  switch (periodOf(times)) {
    case 'daily':
      return daily(times, after)
    case 'weekly':
      return weekly(times, after)
    case 'monthly':
      return monthly(times, after)
    default:
      return fault(
        'unknown_type',
        `rotation_type "${rotationType}" without a cron_expression: daily, weekly, monthly and random are known`,
      )
  }
}

function periodOf({ rotationType, dayOfMonth, dayOfWeek }: RotationTimes): string {
  const type = rotationType.trim().toLowerCase()
  if (type !== 'random') return type
  if (dayOfMonth !== null) return 'monthly'
  return dayOfWeek === null ? 'daily' : 'weekly'
}

function daily({ timeOfDay }: RotationTimes, after: Date): NextRotation {
  const today = midnightOf(after) + sinceMidnight(timeOfDay)
  return at(today > after.getTime() ? today : today + dayMs)
}

function weekly({ timeOfDay, dayOfWeek }: RotationTimes, after: Date): NextRotation {
  if (!isWithin(dayOfWeek, 7))
    return fault('bad_day', `day_of_week is ${dayOfWeek}: 1 (Monday) to 7 (Sunday) are known`)
  const weekday = after.getUTCDay() === 0 ? 7 : after.getUTCDay()
  const ahead = (dayOfWeek - weekday + 7) % 7
  const first = midnightOf(after) + ahead * dayMs + sinceMidnight(timeOfDay)
  return at(first > after.getTime() ? first : first + 7 * dayMs)
}

function monthly({ timeOfDay, dayOfMonth }: RotationTimes, after: Date): NextRotation {
  if (!isWithin(dayOfMonth, 31)) return fault('bad_day', `day_of_month is ${dayOfMonth}: 1 to 31 are known`)
  const inMonth = (monthsAhead: number) => {
    const [year, month] = [after.getUTCFullYear(), after.getUTCMonth() + monthsAhead]
    // The day before the first of the next month.
    const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
    return Date.UTC(year, month, Math.min(dayOfMonth, lastDay)) + sinceMidnight(timeOfDay)
  }
  const first = inMonth(0)
  return at(first > after.getTime() ? first : inMonth(1))
}

function isWithin(day: number | null, last: number): day is number {
  return day !== null && Number.isInteger(day) && day >= 1 && day <= last
}

function midnightOf(time: Date): number {
  return Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate())
}

/** In milliseconds. */
function sinceMidnight(timeOfDay: string | null): number {
  const [hours = 0, minutes = 0, seconds = 0] = (timeOfDay ?? usualTime).split(':').map(Number)
  return (hours * 60 + minutes) * 60_000 + Math.floor(seconds * 1_000)
}

function at(ms: number): NextRotation {
  return { kind: 'at', at: new Date(ms) }
}

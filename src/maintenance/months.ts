import { DateTime } from 'luxon'
import type { Retention } from '../config/retention.ts'

/** The first days, in UTC, of the month of `now` and of so many that follow it. */
export function monthsFrom(now: Date, ahead: number): string[] {
  const first = DateTime.fromJSDate(now, { zone: 'utc' }).startOf('month')
  return Array.from({ length: ahead + 1 }, (_, n) => first.plus({ months: n }).toFormat('yyyy-MM-dd'))
}

/** The day, in UTC, before which rows are past their retention. A day that the month does not have counts as its last. */
export function cutoffOf({ count, unit }: Exclude<Retention, 'off'>, now: Date): string {
  return DateTime.fromJSDate(now, { zone: 'utc' })
    .minus({ [unit]: count })
    .toFormat('yyyy-MM-dd')
}

import { expect, it } from 'vitest'
import { calendarDays, formatLocalTime, parseInstant } from '../../src/email/local-time.ts'

it.each([
  ['UTC', '2026-12-16T18:00Z', '2026-12-23T18:00Z', 7],
  ['UTC', '2026-12-16T18:10Z', '2026-12-23T18:00Z', 7],
  ['UTC', '2026-12-16T23:59Z', '2026-12-23T00:00Z', 7],
  ['UTC', '2026-12-16T00:00Z', '2026-12-16T23:59Z', 0],
  ['UTC', '2026-12-16T23:59Z', '2026-12-17T00:00Z', 1],
  ['UTC', '2026-12-17T00:00Z', '2026-12-16T23:59Z', -1],
  ['Europe/Moscow', '2026-12-16T20:59Z', '2026-12-16T21:00Z', 1],
  ['America/St_Johns', '2026-12-16T03:29Z', '2026-12-16T03:30Z', 1],
  // A night of 23 hours and one of 25.
  ['Europe/Berlin', '2026-03-28T23:30Z', '2026-03-29T21:30Z', 0],
  ['Europe/Berlin', '2026-10-24T22:30Z', '2026-10-25T22:30Z', 0],
  ['Asia/Kathmandu', '1965-01-01T00:00Z', '1966-01-01T00:00Z', 365],
])('in %s from %s until %s are %i days', (timezone, from, until, days) => {
  expect(calendarDays({ from: new Date(from), until: new Date(until) }, timezone)).toBe(days)
})

it.each([
  ['Europe/London', '2026-07-01T23:30:00Z', '2 July 2026, 00:30 (BST)', '2 июля 2026 г., 00:30 (GMT+1)'],
  ['Europe/London', '2026-12-31T00:05:00Z', '31 December 2026, 00:05 (GMT)', '31 декабря 2026 г., 00:05 (GMT+0)'],
  ['America/St_Johns', '2026-05-09T01:00:00Z', '8 May 2026, 22:30 (GMT-2:30)', '8 мая 2026 г., 22:30 (GMT-2:30)'],
  ['Europe/Moscow', '2027-01-01T00:00:00Z', '1 January 2027, 03:00 (MSK)', '1 января 2027 г., 03:00 (МСК)'],
])('in %s, %s reads %s', (timezone, iso, en, ru) => {
  const instant = parseInstant(iso)
  if (!instant) throw new Error(iso)
  expect(formatLocalTime(instant, { timezone, locale: 'en' })).toBe(en)
  expect(formatLocalTime(instant, { timezone, locale: 'ru' })).toBe(ru)
})

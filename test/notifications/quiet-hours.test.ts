import fc from 'fast-check'
import { DateTime } from 'luxon'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { nextOpen, type QuietHours, quietHours } from '../../src/notifications/quiet-hours.ts'

const moscow = 'Europe/Moscow'

function opensAt(zone: string | null, window: string, now: string): string {
  const [from = null, until = null] = window.split('–')
  return nextOpen({ timezone: zone, from, until }, new Date(now), moscow).at.toISOString()
}

describe('when sending is next open', () => {
  it.each([
    // Moscow is three hours ahead of UTC all year.
    ['before the quiet hours', moscow, '22:00–08:00', '2026-03-04T18:59:59.999Z', '2026-03-04T18:59:59.999Z'],
    ['as they begin', moscow, '22:00–08:00', '2026-03-04T19:00:00.000Z', '2026-03-05T05:00:00.000Z'],
    ['before midnight', moscow, '22:00–08:00', '2026-03-04T20:30:00.000Z', '2026-03-05T05:00:00.000Z'],
    ['after midnight', moscow, '22:00–08:00', '2026-03-04T21:30:12.345Z', '2026-03-05T05:00:00.000Z'],
    ['as they end', moscow, '22:00–08:00', '2026-03-05T05:00:00.000Z', '2026-03-05T05:00:00.000Z'],
    ['within one day', moscow, '13:00:00–14:30:00', '2026-03-04T10:15:00.000Z', '2026-03-04T11:30:00.000Z'],
    [
      'outside of them on that day',
      moscow,
      '13:00:00–14:30:00',
      '2026-03-04T12:15:00.000Z',
      '2026-03-04T12:15:00.000Z',
    ],
    ['to the second', moscow, '13:00:00–13:00:30', '2026-03-04T10:00:10.000Z', '2026-03-04T10:00:30.000Z'],
    ['until midnight', moscow, '20:00–24:00', '2026-03-04T18:00:00.000Z', '2026-03-04T21:00:00.000Z'],
    ['from midnight', moscow, '00:00–06:00', '2026-03-04T21:00:00.000Z', '2026-03-05T03:00:00.000Z'],
    ['half an hour off', 'Asia/Kolkata', '21:00–09:00', '2026-03-04T16:00:00.000Z', '2026-03-05T03:30:00.000Z'],
    ['three quarters off', 'Asia/Kathmandu', '21:00–09:00', '2026-03-04T16:00:00.000Z', '2026-03-05T03:15:00.000Z'],
    ['west of UTC', 'America/New_York', '22:00–08:00', '2026-01-15T05:00:00.000Z', '2026-01-15T13:00:00.000Z'],
  ])('%s (%s, %s)', (_, zone, window, now, expected) => {
    expect(opensAt(zone, window, now)).toBe(expected)
  })

  it.each([
    // London: at 01:00 UTC on 29 March 01:00 becomes 02:00; on 25 October 02:00 becomes 01:00.
    [
      'a night is an hour shorter',
      'Europe/London',
      '22:00–07:00',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T06:00:00.000Z',
    ],
    [
      'a night is an hour longer',
      'Europe/London',
      '22:00–07:00',
      '2026-10-24T23:00:00.000Z',
      '2026-10-25T07:00:00.000Z',
    ],
    ['the end is skipped', 'Europe/London', '22:00–01:30', '2026-03-28T23:00:00.000Z', '2026-03-29T01:00:00.000Z'],
    [
      'the beginning is skipped',
      'Europe/London',
      '01:30–05:00',
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T04:00:00.000Z',
    ],
    [
      'before a beginning that is skipped',
      'Europe/London',
      '01:30–05:00',
      '2026-03-29T00:59:00.000Z',
      '2026-03-29T00:59:00.000Z',
    ],
    ['all of it is skipped', 'Europe/London', '01:15–01:45', '2026-03-29T01:00:00.000Z', '2026-03-29T01:00:00.000Z'],
    [
      'the end comes twice, before the first',
      'Europe/London',
      '22:00–01:30',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T00:30:00.000Z',
    ],
    [
      'the end comes twice, between them',
      'Europe/London',
      '22:00–01:30',
      '2026-10-25T00:45:00.000Z',
      '2026-10-25T00:45:00.000Z',
    ],
    [
      'the end comes twice, quiet again',
      'Europe/London',
      '22:00–01:30',
      '2026-10-25T01:10:00.000Z',
      '2026-10-25T01:30:00.000Z',
    ],
    [
      'the clock is set back before the end',
      'Europe/London',
      '01:15–01:59',
      '2026-10-25T00:20:00.000Z',
      '2026-10-25T00:59:00.000Z',
    ],
    [
      'the clock is set back as they end',
      'Europe/London',
      '00:30–02:00',
      '2026-10-25T00:20:00.000Z',
      '2026-10-25T02:00:00.000Z',
    ],
    // New York: at 07:00 UTC on 8 March 02:00 becomes 03:00.
    [
      'west of UTC, the end is skipped',
      'America/New_York',
      '23:00–02:30',
      '2026-03-08T06:00:00.000Z',
      '2026-03-08T07:00:00.000Z',
    ],
    // Beirut: at 22:00 UTC on 28 March midnight becomes 01:00.
    [
      'midnight itself is skipped',
      'Asia/Beirut',
      '22:00–00:00',
      '2026-03-28T21:00:00.000Z',
      '2026-03-28T22:00:00.000Z',
    ],
    // Lord Howe Island: by half an hour. At 15:30 UTC on 3 October 02:00 becomes 02:30; at 15:00 on 4 April 02:00 becomes 01:30.
    [
      'half an hour is skipped',
      'Australia/Lord_Howe',
      '22:00–02:15',
      '2026-10-03T14:00:00.000Z',
      '2026-10-03T15:30:00.000Z',
    ],
    [
      'half an hour comes twice',
      'Australia/Lord_Howe',
      '22:00–02:00',
      '2026-04-04T14:00:00.000Z',
      '2026-04-04T15:30:00.000Z',
    ],
    [
      'half an hour shorter',
      'Australia/Lord_Howe',
      '22:00–07:00',
      '2026-10-03T14:00:00.000Z',
      '2026-10-03T20:00:00.000Z',
    ],
    // Samoa had no 30 December 2011: at 10:00 UTC midnight became the next one.
    ['a day is skipped', 'Pacific/Apia', '22:00–06:00', '2011-12-30T09:00:00.000Z', '2011-12-30T16:00:00.000Z'],
  ])('when the clock changes: %s (%s, %s)', (_, zone, window, now, expected) => {
    expect(opensAt(zone, window, now)).toBe(expected)
  })

  it.each([
    ['no times', null, null],
    ['no end', '22:00:00', null],
    ['no beginning', null, '08:00:00'],
    ['equal times', '22:00:00', '22:00:00'],
    ['midnight written in two ways', '00:00:00', '24:00:00'],
    ['no time at all', 'late', '08:00:00'],
    ['a time that no day has', '25:00:00', '08:00:00'],
  ])('is always open with %s', (_, from, until) => {
    const now = new Date('2026-03-04T22:30:00Z')
    expect(nextOpen({ timezone: moscow, from, until }, now, moscow)).toEqual({ at: now })
  })

  it.each([null, '', ' '])('takes the default time zone where none is given (%j)', (timezone) => {
    const opening = nextOpen({ timezone, from: '22:00', until: '08:00' }, new Date('2026-03-04T20:00:00Z'), moscow)
    expect(opening).toEqual({ at: new Date('2026-03-05T05:00:00Z') })
  })

  it.each(['Mars/Olympus', 'MSK+3', '../etc/passwd'])('takes it for %s, and says so', (timezone) => {
    const opening = nextOpen({ timezone, from: '22:00', until: '08:00' }, new Date('2026-03-04T20:00:00Z'), moscow)
    expect(opening).toEqual({ at: new Date('2026-03-05T05:00:00Z'), unknownZone: timezone })
  })
})

const minuteMs = 60_000
const zones = [moscow, 'Europe/London', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Asia/Beirut', 'UTC']
const times = fc.record({ hour: fc.nat({ max: 23 }), minute: fc.nat({ max: 59 }) })
/** Whole minutes of a year, half of them around changes of a clock. */
const minutes = fc
  .oneof(
    fc.date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }),
    fc
      .tuple(
        fc.constantFrom('2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01'),
        fc.integer({ min: -1_440, max: 1_440 }),
      )
      .map(([day, offset]) => new Date(Date.parse(day) + offset * minuteMs)),
  )
  .map((date) => new Date(Math.floor(date.getTime() / minuteMs) * minuteMs))

/** By the clock on the wall alone, as luxon shows it. */
function isQuiet({ timezone, from, until }: QuietHours, instant: number): boolean {
  const wall = DateTime.fromMillis(instant, { zone: timezone ?? moscow }).toFormat('HH:mm')
  const [begin, end] = [from ?? '', until ?? '']
  return begin <= end ? begin <= wall && wall < end : wall >= begin || wall < end
}

describe('whatever the zone, the hours and the moment', () => {
  it('sending opens at the first minute that is not quiet, and never in the past', () => {
    const two = (n: number) => String(n).padStart(2, '0')
    const clock = times.map(({ hour, minute }) => `${two(hour)}:${two(minute)}`)
    const quiet = fc.record({ timezone: fc.constantFrom(...zones), from: clock, until: clock })
    fc.assert(
      fc.property(quiet, minutes, (hours, now) => {
        const at = nextOpen(hours, now, moscow).at.getTime()
        expect(at).toBeGreaterThanOrEqual(now.getTime())
        expect(isQuiet(hours, at)).toBe(false)
        for (let instant = now.getTime(); instant < at; instant += minuteMs) {
          if (!isQuiet(hours, instant)) expect.fail(`open at ${new Date(instant).toISOString()} already`)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('quiet hours', () => {
  it('warn of a name that is no time zone once', () => {
    const lines: string[] = []
    const opens = quietHours(moscow, pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) }))
    const now = new Date('2026-03-04T20:00:00Z')
    const answers = ['Mars/Olympus', moscow, 'Mars/Olympus', 'Mars/Hellas'].map((timezone) =>
      opens({ timezone, from: '22:00', until: '08:00' }, now).toISOString(),
    )
    expect(answers).toEqual(Array(4).fill('2026-03-05T05:00:00.000Z'))
    expect(lines.map((line) => JSON.parse(line).timezone)).toEqual(['Mars/Olympus', 'Mars/Hellas'])
  })
})

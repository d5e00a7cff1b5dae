import fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, test } from 'vitest'
import { nextRotation, type RotationTimes } from '../../src/rotation/next-rotation.ts'

const none = { timeOfDay: null, dayOfWeek: null, dayOfMonth: null, cronExpression: null }

/** The next moment as text, or the reason why there is none. */
function next(times: Partial<RotationTimes> & { rotationType: string }, after: string): string {
  const result = nextRotation({ ...none, ...times }, new Date(`${after}Z`))
  return result.kind === 'at' ? result.at.toISOString().slice(0, 16) : result.reason
}

describe('daily', () => {
  test.each([
    ['18:30:00', '2026-11-25T10:00', '2026-11-25T18:30'],
    ['18:30:00', '2026-11-25T18:29:59.999', '2026-11-25T18:30'],
    ['18:30:00', '2026-11-25T18:30', '2026-11-26T18:30'],
    [null, '2026-11-25T08:00', '2026-11-25T09:00'],
    [null, '2026-12-31T09:00', '2027-01-01T09:00'],
    ['00:00:00', '2026-11-25T00:00', '2026-11-26T00:00'],
    ['24:00:00', '2026-11-25T10:00', '2026-11-26T00:00'],
    ['09:00:30.123456', '2026-11-25T09:00:30.122', '2026-11-25T09:00'],
    ['09:00:30.123456', '2026-11-25T09:00:30.123', '2026-11-26T09:00'],
    // The clocks of Berlin and of St. John's change on these days; those of UTC do not.
    ['02:30:00', '2026-03-29T00:00', '2026-03-29T02:30'],
    ['02:30:00', '2026-10-25T01:59', '2026-10-25T02:30'],
  ])('at %s is, after %s, at %s', (timeOfDay, after, expected) => {
    expect(next({ rotationType: 'daily', timeOfDay }, after)).toBe(expected)
  })
})

describe('weekly', () => {
  test.each([
    [1, null, '2026-11-25T10:00', '2026-11-30T09:00'], // 25 November 2026 is a Wednesday.
    [3, null, '2026-11-25T08:59', '2026-11-25T09:00'],
    [3, null, '2026-11-25T09:00', '2026-12-02T09:00'],
    [7, '12:00:00', '2026-11-25T10:00', '2026-11-29T12:00'],
    [7, '12:00:00', '2026-11-29T11:00', '2026-11-29T12:00'],
    [7, '12:00:00', '2026-11-29T12:00', '2026-12-06T12:00'],
    [0, null, '2026-11-25T10:00', 'bad_day'],
    [8, null, '2026-11-25T10:00', 'bad_day'],
    [null, null, '2026-11-25T10:00', 'bad_day'],
  ])('on day %s at %s is, after %s, at %s', (dayOfWeek, timeOfDay, after, expected) => {
    expect(next({ rotationType: 'weekly', dayOfWeek, timeOfDay }, after)).toBe(expected)
  })
})

describe('monthly', () => {
  test.each([
    [15, null, '2026-11-15T08:00', '2026-11-15T09:00'],
    [15, null, '2026-11-15T09:00', '2026-12-15T09:00'],
    [31, null, '2026-11-25T10:00', '2026-11-30T09:00'],
    [31, null, '2026-11-30T09:00', '2026-12-31T09:00'],
    [31, '06:00:00', '2027-01-31T06:00', '2027-02-28T06:00'],
    [30, null, '2028-02-01T00:00', '2028-02-29T09:00'],
    [29, null, '2027-02-01T00:00', '2027-02-28T09:00'],
    [29, null, '2100-02-01T00:00', '2100-02-28T09:00'],
    [1, null, '2026-12-31T23:59', '2027-01-01T09:00'],
    [0, null, '2026-11-25T10:00', 'bad_day'],
    [32, null, '2026-11-25T10:00', 'bad_day'],
    [null, null, '2026-11-25T10:00', 'bad_day'],
  ])('on day %s at %s is, after %s, at %s', (dayOfMonth, timeOfDay, after, expected) => {
    expect(next({ rotationType: 'monthly', dayOfMonth, timeOfDay }, after)).toBe(expected)
  })
})

test.each([
  [{ rotationType: 'random' }, '2026-11-26T09:00'],
  [{ rotationType: ' Random ', timeOfDay: '18:00:00' }, '2026-11-25T18:00'],
  [{ rotationType: 'random', dayOfWeek: 1 }, '2026-11-30T09:00'],
  [{ rotationType: 'random', dayOfMonth: 1 }, '2026-12-01T09:00'],
  [{ rotationType: 'DAILY' }, '2026-11-26T09:00'],
  [{ rotationType: 'custom' }, 'unknown_type'],
  [{ rotationType: '' }, 'unknown_type'],
  [{ rotationType: 'custom', cronExpression: '  ' }, 'unknown_type'],
  [{ rotationType: 'custom', cronExpression: '0 12 * * *' }, '2026-11-25T12:00'],
  [{ rotationType: 'monthly', dayOfMonth: 99, cronExpression: '0 12 * * *' }, '2026-11-25T12:00'],
])('%j is, after 10:00 on 25 November, %s', (times, expected) => {
  expect(next(times, '2026-11-25T10:00')).toBe(expected)
})

describe('a cron expression', () => {
  test.each([
    ['*/15 * * * *', '2026-11-25T10:15'],
    ['0 10 * * *', '2026-11-26T10:00'],
    [' 0  9 * *\tmon ', '2026-11-30T09:00'],
    ['0 9 * * 7', '2026-11-29T09:00'],
    ['0 9 * * 0', '2026-11-29T09:00'],
    ['0 9 * * 5#2', '2026-12-11T09:00'],
    ['0 9 L * *', '2026-11-30T09:00'],
    ['0 9 l * ?', '2026-11-30T09:00'],
    ['0 9 * dec-FEB *', 'bad_expression'],
    ['0 9 * Dec Tue', '2026-12-01T09:00'],
    ['0 9 * * THU', '2026-11-26T09:00'],
    ['0 0 29 2 *', '2028-02-29T00:00'],
    // As in cron, either day will do.
    ['0 9 13 * 5', '2026-11-27T09:00'],
    ['@daily', '2026-11-26T00:00'],
    ['@midnight', '2026-11-26T00:00'],
    ['@Monthly', '2026-12-01T00:00'],
  ])('%j is first at %s', (cronExpression, expected) => {
    expect(next({ rotationType: 'custom', cronExpression }, '2026-11-25T10:00')).toBe(expected)
  })

  test.each([
    '0 0 30 2 *', // Nothing matches it.
    '0 0 31 4,6,9,11 *',
    '0 0 9 * * *', // Whose seconds?
    '* * * * * * *',
    '0 9 * *',
    '5',
    'H H * * *',
    '0 H(9-12) * * *',
    '1-H 9 * * *',
    '*/H 9 * * *',
    '0 9 * * MON,H',
    '@secondly',
    '@reboot',
    '@',
    '61 * * * *',
    '* * * * 8',
    '*/0 * * * *',
    '0-99999999999 * * * *',
    '-1 * * * *',
    '0 9 * * 1,',
    '0 9 1W * *',
    'tomorrow',
    '* * * * *; DROP TABLE videos',
    `${'0,'.repeat(45)}0 9 * * *`.slice(0, 100),
  ])('%j is refused', (cronExpression) => {
    expect(next({ rotationType: 'custom', cronExpression }, '2026-11-25T10:00')).toBe('bad_expression')
  })

  test('says what is wrong with it', () => {
    const result = nextRotation({ ...none, rotationType: 'custom', cronExpression: '61 9 * * *' }, new Date())
    expect(result).toMatchObject({
      reason: 'bad_expression',
      detail: expect.stringMatching(/"61 9 \* \* \*".*61.*0-59/),
    })
  })

  test('of any characters is later than before, or refused, and comes to an end', () => {
    const field = fc.string({ unit: fc.constantFrom(...'0123456789*/-,L#?H '), maxLength: 8 })
    fc.assert(
      fc.property(fc.array(field, { minLength: 4, maxLength: 6 }), instant(), (fields, after) => {
        const result = cron(fields.join(' '), after)
        return result.kind === 'fault' || result.at > after
      }),
      { numRuns: 2_000 },
    )
  })

  test('of numbers is the first moment that has them', () => {
    const upTo = (min: number, max: number) => fc.integer({ min, max })
    fc.assert(
      fc.property(upTo(0, 59), upTo(0, 23), upTo(1, 28), upTo(1, 12), instant(), (minute, hour, day, month, after) => {
        const result = cron(`${minute} ${hour} ${day} ${month} *`, after)
        const inYear = (year: number) => Date.UTC(year, month - 1, day, hour, minute)
        const year = after.getUTCFullYear()
        const expected = inYear(year) > after.getTime() ? inYear(year) : inYear(year + 1)
        expect(result).toEqual({ kind: 'at', at: new Date(expected) })
      }),
    )
  })
})

function cron(cronExpression: string, after: Date) {
  return nextRotation({ ...none, rotationType: 'custom', cronExpression }, after)
}

function instant() {
  return fc.date({ min: new Date('1990-01-01'), max: new Date('2400-01-01'), noInvalidDate: true })
}

const time = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 })).map(([hour, minute]) => ({
  hour,
  minute,
  text: `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}:00`,
}))

/** Where it is right, no other moment that the rule names lies between. */
describe('whenever it is asked', () => {
  test('daily is within a day, at that time', () => {
    fc.assert(
      fc.property(time, instant(), ({ hour, minute, text }, after) => {
        const at = momentOf({ ...none, rotationType: 'daily', timeOfDay: text }, after)
        const { days } = at.diff(DateTime.fromJSDate(after), 'days')
        expect(days > 0 && days <= 1).toBe(true)
        expect([at.hour, at.minute, at.second, at.millisecond]).toEqual([hour, minute, 0, 0])
      }),
    )
  })

  test('weekly is within a week, on that day at that time', () => {
    fc.assert(
      fc.property(time, fc.integer({ min: 1, max: 7 }), instant(), ({ hour, minute, text }, dayOfWeek, after) => {
        const at = momentOf({ ...none, rotationType: 'weekly', timeOfDay: text, dayOfWeek }, after)
        const { days } = at.diff(DateTime.fromJSDate(after), 'days')
        expect(days > 0 && days <= 7).toBe(true)
        expect([at.weekday, at.hour, at.minute]).toEqual([dayOfWeek, hour, minute])
      }),
    )
  })

  test('monthly is on that day or the last of a shorter month, and no month is left out', () => {
    fc.assert(
      fc.property(time, fc.integer({ min: 1, max: 31 }), instant(), ({ hour, minute, text }, dayOfMonth, after) => {
        const at = momentOf({ ...none, rotationType: 'monthly', timeOfDay: text, dayOfMonth }, after)
        const before = DateTime.fromJSDate(after, { zone: 'utc' })
        expect(at > before).toBe(true)
        expect([at.day, at.hour, at.minute]).toEqual([Math.min(dayOfMonth, at.daysInMonth ?? 0), hour, minute])
        const monthBefore = at.minus({ months: 1 })
        const previous = monthBefore.set({ day: Math.min(dayOfMonth, monthBefore.daysInMonth ?? 0) })
        expect(previous <= before).toBe(true)
      }),
    )
  })
})

function momentOf(times: RotationTimes, after: Date): DateTime<true> {
  const result = nextRotation(times, after)
  if (result.kind === 'fault') throw new Error(result.detail)
  const at = DateTime.fromJSDate(result.at, { zone: 'utc' })
  if (!at.isValid) throw new Error('no such time')
  return at
}

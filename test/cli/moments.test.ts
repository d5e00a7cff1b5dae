import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { momentAfter, momentBefore, readMoment } from '../../src/cli/moments.ts'

const now = new Date('2026-11-22T12:00:00.000Z')

function countedBack(text: string): string {
  const moment = readMoment(text)
  return 'reason' in moment ? moment.reason : momentBefore(now, moment.value).toISOString()
}

it.each([
  ['2026-11-22', '2026-11-22T00:00:00.000Z'],
  ['2026-11-22T14:05', '2026-11-22T14:05:00.000Z'],
  ['2026-11-22 14:05:30', '2026-11-22T14:05:30.000Z'],
  ['2026-11-22T14:05:30.5Z', '2026-11-22T14:05:30.500Z'],
  ['2026-11-22T14:05:30.123456+03:00', '2026-11-22T11:05:30.123Z'],
  ['2026-11-22T14:05 -0330', '2026-11-22T17:35:00.000Z'],
  ['2026-11-22t14:05z', '2026-11-22T14:05:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['45s', '2026-11-22T11:59:15.000Z'],
  ['30m', '2026-11-22T11:30:00.000Z'],
  ['2h', '2026-11-22T10:00:00.000Z'],
  ['1h30m', '2026-11-22T10:30:00.000Z'],
  ['7d', '2026-11-15T12:00:00.000Z'],
  ['2w', '2026-11-08T12:00:00.000Z'],
  [' 2h ', '2026-11-22T10:00:00.000Z'],
])('%s is %s', (text, time) => expect(countedBack(text)).toBe(time))

it('counts a duration forth where that is meant', () => {
  expect(momentAfter(now, { distanceMs: 60_000 }).toISOString()).toBe('2026-11-22T12:01:00.000Z')
  expect(momentAfter(now, { at: new Date(0) }).toISOString()).toBe('1970-01-01T00:00:00.000Z')
})

describe('what is no time', () => {
  it.each([
    '',
    '2',
    'h',
    '-2h',
    '2 h',
    '1.5h',
    '2y',
    'now',
    '22.11.2026',
    '2026-11',
    '2026-11-22T',
    '2026-11-22T14',
    'T14:05',
  ])('%j is neither a time nor a duration', (text) =>
    expect(countedBack(text)).toBe('is neither a time nor a duration'),
  )

  it.each(['2026-02-30', '2026-13-01', '2026-11-22T24:00', '2026-11-22T12:60', '2023-02-29T10:00+03:00'])(
    '%s is on no calendar and no clock',
    (text) => expect(countedBack(text)).toBe('is no time that there is'),
  )

  it('has an offset that nobody has', () => expect(countedBack('2026-11-22T12:00+30:00')).toBe('has no valid offset'))
  it('is absurdly far away', () => expect(countedBack('999999999w')).toBe('is longer than 100 years'))
})

it('reads every time as it prints it', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
      expect(countedBack(date.toISOString())).toBe(date.toISOString())
    }),
  )
})

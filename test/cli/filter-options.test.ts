import { expect, it } from 'vitest'
import { toMailFilter } from '../../src/cli/email/filter-options.ts'
import { givenFilters } from '../../src/cli/filter-options.ts'

const now = new Date('2026-11-22T12:00:00Z')

it('counts durations back from now', () => {
  expect(toMailFilter({ since: { distanceMs: 7_200_000 }, until: { distanceMs: 3_600_000 } }, now)).toMatchObject({
    since: new Date('2026-11-22T10:00:00Z'),
    until: new Date('2026-11-22T11:00:00Z'),
  })
})

it('finds no time that is since and until', () => {
  expect(() => toMailFilter({ since: { distanceMs: 60_000 }, until: { distanceMs: 120_000 } }, now)).toThrow(
    'no time is since 2026-11-22T11:59:00.000Z and until 2026-11-22T11:58:00.000Z',
  )
})

it('takes a limit for no filter: it says how many, not which', () => {
  expect(givenFilters({ limit: 5 })).toEqual([])
  expect(givenFilters({ limit: 5, id: [1], errorClass: 'timeout' })).toEqual(['id', 'errorClass'])
})

import { expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { day, yearBegins } from './moments.ts'
import { simulateYear, writingZones, type Year, type YearOptions } from './simulation.ts'

/** A year takes half a minute; on a machine that is busy with other things several. */
const timeout = 900_000

async function yearOf(options: YearOptions): Promise<Year> {
  const database = await createTestDatabase()
  try {
    return await simulateYear(database, options)
  } finally {
    await database.drop()
  }
}

it.for([1, 2, 3])('does for a year what the model says, of seed %i', { timeout }, async (seed) => {
  const { difference, counts } = await yearOf({ seed, zones: writingZones })
  expect(difference).toBeUndefined()
  expect(counts.messages).toBeGreaterThan(1_500)
})

it('does the same whichever time zone the sessions that write are in', { timeout }, async () => {
  const until = yearBegins + 80 * day
  const years: Year[] = []
  for (const zone of writingZones) years.push(await yearOf({ seed: 4, zones: [zone], until }))
  const [first, ...others] = years.map(({ found }) => Object.fromEntries(found))
  for (const other of others) expect(other).toEqual(first)
  expect(years.map(({ difference }) => difference)).toEqual([undefined, undefined, undefined])
})

import type { TestDatabase } from '../../support/database.ts'
import { Calendar, type Happening } from './calendar.ts'
import { Comparison } from './comparison.ts'
import { describeDifferences } from './description.ts'
import { deliver, hasWork } from './model/delivery.ts'
import { Ledger } from './model/ledger.ts'
import { apply } from './model/renewal.ts'
import { sweep } from './model/sweep.ts'
import { showMoment, yearEnds } from './moments.ts'
import { makeWorld } from './scenario.ts'
import { YearDatabase } from './year-database.ts'

/** One is ahead of UTC, one behind it, by half an hour besides. */
export const writingZones = ['UTC', 'America/St_Johns', 'Asia/Vladivostok'] as const

export interface YearOptions {
  readonly seed: number
  /** Of the sessions that write, in turn. */
  readonly zones: readonly string[]
  /** When the year is broken off, in milliseconds. */
  readonly until?: number
}

export interface Year {
  readonly counts: Readonly<Record<'sweeps' | 'changes' | 'deliveries' | 'notices' | 'messages', number>>
  /** What the database holds in the end, by key. */
  readonly found: ReadonlyMap<string, string>
  /** Where the database first was not as the model says, with how it came there. */
  readonly difference: string | undefined
}

/** Lets a year go by in an empty, migrated database, and says where it first went otherwise than the model says. */
export async function simulateYear(testDatabase: TestDatabase, options: YearOptions): Promise<Year> {
  const { seed, zones, until = yearEnds } = options
  const ledger = new Ledger(makeWorld(seed))
  const calendar = new Calendar(ledger.world, seed)
  const database = await YearDatabase.fill(testDatabase, ledger.world, zones)
  const comparison = new Comparison(database, ledger)
  const counts = { sweeps: 0, changes: 0, deliveries: 0 }
  try {
    let difference: string | undefined
    for (let entry = calendar.next(); entry && entry.at < until && !difference; entry = calendar.next()) {
      const kind = await happen(entry.item, { database, ledger, calendar, now: entry.at })
      if (!kind) continue
      counts[kind] += 1
      if (kind === 'changes') continue
      difference = describeDifferences(await comparison.differences(), { seed, now: entry.at, ledger })
    }
    return { counts: { ...counts, ...comparison.counts }, found: comparison.found, difference }
  } finally {
    await database.close()
  }
}

interface Stage {
  readonly database: YearDatabase
  readonly ledger: Ledger
  readonly calendar: Calendar
  readonly now: number
}

/** Does it in the database and in the model. Answers what has been done. */
async function happen(happening: Happening, stage: Stage): Promise<'sweeps' | 'changes' | 'deliveries' | undefined> {
  const { database, ledger, calendar, now } = stage
  switch (happening.what) {
    case 'sweep': {
      await database.setClock(now)
      const result = await database.sweep()
      if (result.kind !== 'done' || result.left + result.failed > 0)
        throw new Error(`The sweep of ${showMoment(now)} ended in ${JSON.stringify(result)}`)
      sweep(ledger, now)
      return 'sweeps'
    }
    case 'delivery': {
      if (!hasWork(ledger, now)) return undefined
      await database.setClock(now)
      await database.deliver()
      deliver(ledger, now)
      return 'deliveries'
    }
    default: {
      const change = calendar.changeAt(happening, now)
      if (!change) return undefined
      await database.setClock(now)
      await database.apply(change)
      apply(ledger, change, now)
      calendar.follow(happening, now)
      return 'changes'
    }
  }
}

import { type ContestantKey, lineup } from '../contestants/lineup.ts'
import type { Options } from '../options.ts'
import type { Competed, Throughput } from '../report/results.ts'
import { startSink } from '../sink/sink.ts'
import type { Arena } from '../support/arena.ts'
import { race } from './race.ts'

/**
 * Mails in a second, from the first that the mail server has accepted to the last whose outcome is durable. The contestants take
 * turns, so that what changes on the machine meanwhile changes for all.
 */
export async function measureThroughput(arena: Arena, options: Options): Promise<Throughput> {
  const { mails, connections, runs } = options
  const sink = await startSink()
  const results = new Map<ContestantKey, Competed>()
  for (let run = 1; run <= runs; run += 1) {
    for (const [key, contestant] of Object.entries(lineup) as [ContestantKey, (typeof lineup)[ContestantKey]][]) {
      const { tally, recordedAt, settings } = await race(contestant, { arena, sink, connections, mails })
      const lastAt = Math.max(recordedAt, tally.lastAcceptedAt)
      const perSecond = (mails / (lastAt - tally.firstAcceptedAt)) * 1000
      console.log(`  run ${run}, ${contestant.name}: ${Math.round(perSecond)} mails/s`)
      const before = results.get(key)?.perSecond ?? []
      results.set(key, { key, name: contestant.name, settings, perSecond: [...before, perSecond] })
    }
  }
  await sink.stop()
  return { mails, connections, contestants: [...results.values()] }
}

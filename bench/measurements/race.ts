import type { Contestant, Ring } from '../contestants/contestant.ts'
import type { Tally } from '../sink/conversation.ts'
import { monotonicMs } from '../support/monotonic.ts'
import { until } from '../support/until.ts'

export interface Race {
  readonly tally: Tally
  /** When the last outcome was seen in the database, on the clock that processes share. */
  readonly recordedAt: number
  readonly settings: Readonly<Record<string, string | number | boolean>>
}

/** One run of one contestant. Throws unless each mail has arrived exactly once. */
export async function race(contestant: Contestant, ring: Ring): Promise<Race> {
  const { sink, mails } = ring
  const entered = await contestant.enter(ring)
  try {
    await sink.reset()
    await entered.go()
    await until(
      async () => {
        const { accepted } = await sink.tally()
        return { holds: accepted >= mails, progress: accepted }
      },
      { everyMs: 20 },
    )
    await until(
      async () => {
        const left = await entered.unrecorded()
        return { holds: left === 0, progress: left }
      },
      { everyMs: 2 },
    )
    const recordedAt = monotonicMs()
    const tally = await sink.tally()
    if (tally.accepted !== mails || tally.distinct !== mails) {
      throw new Error(
        `${contestant.name}: of ${mails} mails ${tally.accepted} arrived, ${tally.distinct} different ones`,
      )
    }
    return { tally, recordedAt, settings: entered.settings }
  } finally {
    await entered.leave()
  }
}

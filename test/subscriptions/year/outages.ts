import { Random } from '../../chaos/random.ts'
import { day, hour, minute, yearBegins, yearEnds } from './moments.ts'

interface Span {
  readonly from: number
  readonly until: number
}

/** Of the sweep, week by week. */
const rhythms = [10 * minute, day, 6 * hour, day, hour, day, 6 * hour, day]

/** When nothing sweeps and when nothing is delivered, by a seed. */
export class Outages {
  readonly #sweepless: readonly Span[]
  readonly #deliveries: readonly number[]

  constructor(seed: number) {
    const random = new Random(seed, 2)
    const longest = spanFrom(random, { least: 9 * day, most: 10 * day })
    this.#sweepless = [
      longest,
      ...Array.from({ length: 5 }, () => spanFrom(random, { least: 6 * hour, most: 10 * day })),
    ]
    this.#deliveries = [...deliveryTimes(random)]
  }

  /** The first sweep at that moment or after: every ten minutes, in some weeks less often, unless it is down. */
  nextSweep(moment: number): number {
    const everyMs = rhythms[Math.floor(moment / (7 * day)) % rhythms.length] ?? hour
    const tick = Math.ceil(moment / everyMs) * everyMs
    const down = this.#sweepless.find(({ from, until }) => tick >= from && tick < until)
    return down ? this.nextSweep(down.until) : tick
  }

  /** When workers deliver what is due. */
  get deliveries(): readonly number[] {
    return this.#deliveries
  }
}

function spanFrom(random: Random, { least, most }: { least: number; most: number }): Span {
  const from = yearBegins + random.int(0, 355 * 24) * hour
  return { from, until: from + random.int(least / hour, most / hour) * hour }
}

/** For some days every few hours, then for up to three days not at all. */
function* deliveryTimes(random: Random): Generator<number> {
  for (let moment = yearBegins; moment < yearEnds; moment += random.int(2, 72) * hour) {
    for (const until = moment + random.int(1, 10) * day; moment < until; moment += random.int(60, 600) * minute)
      yield moment
  }
}

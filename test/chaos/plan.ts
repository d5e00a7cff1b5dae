import type { Fault, Strike } from './faults/fault.ts'
import { Random } from './random.ts'

export interface PlanOptions {
  readonly seed: number
  /** The kinds that are cycled through. */
  readonly faults: readonly Fault[]
}

export interface RoundPlan {
  /** From 1. */
  readonly round: number
  readonly fault: string
  readonly strike: Strike
  /** For what else is random in the round. */
  readonly random: Random
}

/** What happens in a round: the same for the same seed, whichever rounds are run. */
export function planRound(round: number, options: PlanOptions): RoundPlan {
  const order = orderOf(round, options)
  const fault = order.at(-1)
  if (!fault) throw new Error('No faults to choose from')
  const random = new Random(options.seed, round, 1)
  const turn = order.filter((other) => other === fault).length - 1
  return { round, fault: fault.name, strike: fault.plan(random, turn), random }
}

/** The faults up to a round. The first rounds have every kind once; after them every other round goes on through what has many places. */
function orderOf(round: number, { seed, faults }: PlanOptions): Fault[] {
  const walk = faults.find(({ hasPlaces }) => hasPlaces)
  const order: Fault[] = []
  let cycle: Fault[] = []
  for (let cycles = 0; order.length < round; ) {
    if (walk && order.length >= faults.length && order.length % 2 === 1) {
      order.push(walk)
      continue
    }
    if (cycle.length === 0) {
      cycle = new Random(seed, cycles).shuffle(faults)
      cycles += 1
    }
    order.push(...cycle.splice(0, 1))
  }
  return order
}

import type { Kysely } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { SweepSettings } from './settings.ts'
import type { Step } from './step.ts'
import type { SweepCounts } from './sweep-result.ts'
import { countActiveSubscriptions } from './sweep-store.ts'

/** How many changes a pass may make: `max` where somebody has said so for this once. */
export async function changeLimit(
  db: Kysely<DB>,
  { maxChanges, maxPercent }: SweepSettings,
  max: number | undefined,
): Promise<number> {
  if (max !== undefined) return max
  return Math.max(maxChanges, Math.floor(((await countActiveSubscriptions(db)) * maxPercent) / 100))
}

export const noCounts: SweepCounts = { notices: 0, superseded: 0, skipped: 0, states: 0, recorded: 0 }

export function countSteps(steps: readonly Step[]): SweepCounts {
  const outcomes = steps.flatMap(({ notices }) => notices.map(({ outcome }) => outcome))
  const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length
  const states = steps.map(({ decision }) => (decision.lifecycleStatus ? 1 : 0) + (decision.expiresProject ? 1 : 0))
  return {
    notices: count('sent'),
    superseded: count('superseded'),
    skipped: count('skipped'),
    states: states.reduce((sum, one) => sum + one, 0),
    recorded: 0,
  }
}

export function addCounts(a: SweepCounts, b: SweepCounts): SweepCounts {
  return {
    notices: a.notices + b.notices,
    superseded: a.superseded + b.superseded,
    skipped: a.skipped + b.skipped,
    states: a.states + b.states,
    recorded: a.recorded + b.recorded,
  }
}

export function totalOf({ notices, superseded, skipped, states, recorded }: SweepCounts): number {
  return notices + superseded + skipped + states + recorded
}

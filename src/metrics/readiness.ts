import type { Pulse } from '../runtime/vitals.ts'

export interface ReadinessFacts {
  readonly phase: 'starting' | 'working' | 'stopping'
  readonly workers: readonly {
    readonly name: string
    /** Why it sends nothing until somebody acts. */
    readonly blocked: string | undefined
    readonly pulses: readonly Pulse[]
  }[]
  /** By the monotonic clock. */
  readonly now: number
}

/** So many periods may pass without a success, … */
const missedPeriods = 3
/** … and so many milliseconds, however short they are: a statement may take its time. */
const leastPatienceMs = 15_000

/**
 * Why a process does not do its work; empty while it does. It is about staleness: a loop that has not succeeded for three periods is no better
 * than none. What it is not about: an outage of the mail server, which the process itself waits for and no restart ends; a queue that an
 * operator has paused; and what the work goes on without.
 */
export function whyNotReady({ phase, workers, now }: ReadinessFacts): string[] {
  if (phase === 'starting') return ['waiting for its database']
  if (phase === 'stopping') return ['stopping']
  return workers.flatMap(({ name, blocked, pulses }) => [
    ...(blocked === undefined ? [] : [`${name}: blocked: ${blocked}`]),
    ...pulses.filter((pulse) => isStale(pulse, now)).map((pulse) => `${name}: ${describe(pulse, now)}`),
  ])
}

function isStale({ everyMs, longestMs, isSpare, succeededAt }: Pulse, now: number): boolean {
  return !isSpare && now - succeededAt > Math.max(missedPeriods * everyMs, leastPatienceMs) + longestMs
}

function describe({ name, everyMs, succeededAt }: Pulse, now: number): string {
  return `${name}: no success for ${Math.floor((now - succeededAt) / 1000)} s, expected every ${everyMs / 1000} s`
}

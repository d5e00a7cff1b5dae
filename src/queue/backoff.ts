/** The first and the last delay between attempts, in milliseconds; first ≤ last. */
export interface Backoff {
  readonly firstMs: number
  readonly lastMs: number
}

/** Delays grow by up to this share at random, so that rows that failed together do not come back together. */
const jitter = 0.2

/**
 * The delay after the given failed attempt, in milliseconds: between the first and the last delay it grows geometrically, so that a
 * row's attempts are spread over the same time whether it has three or thirty. A single retry waits the first delay.
 */
export function backoffMs(facts: {
  readonly attempt: number
  readonly maxAttempts: number
  readonly backoff: Backoff
  readonly random: number
}): number {
  const { firstMs, lastMs } = facts.backoff
  const delays = facts.maxAttempts - 1
  const position = delays <= 1 ? 0 : Math.min(1, (facts.attempt - 1) / (delays - 1))
  const base = firstMs * (lastMs / firstMs) ** position
  return Math.round(base * (1 + jitter * facts.random))
}

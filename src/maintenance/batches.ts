import { setTimeout as delay } from 'node:timers/promises'

/**
 * Does one batch of rows after another until there are none; answers how many rows there were. Between two it pauses for as long as the
 * first took: half of the time belongs to others, whatever the machine and the rows. Throws when `signal` aborts, between two batches.
 */
export async function inBatches(signal: AbortSignal, batch: () => Promise<number>): Promise<number> {
  let total = 0
  for (;;) {
    signal.throwIfAborted()
    const startedAt = performance.now()
    const rows = await batch()
    if (rows === 0) return total
    total += rows
    await delay(performance.now() - startedAt, undefined, { signal })
  }
}

import { setTimeout as delay } from 'node:timers/promises'

export interface Batch {
  /** Rows that it was about. */
  readonly rows: number
  /** Whether there may be more. */
  readonly more: boolean
}

export interface BatchesOptions {
  /** No batch begins later than this after the first. */
  readonly budgetMs: number
  /** No batch begins any more once it is aborted. */
  readonly signal: AbortSignal
}

/**
 * Does one batch after another. Between two it pauses for as long as the first took: half of the time belongs to others, whatever the
 * machine and the rows. What is left is for the next call.
 */
export async function runBatches(
  batch: () => Promise<Batch>,
  { budgetMs, signal }: BatchesOptions,
): Promise<{ rows: number; finished: boolean }> {
  const startedAt = performance.now()
  let rows = 0
  while (!signal.aborted) {
    const beganAt = performance.now()
    const done = await batch()
    rows += done.rows
    if (!done.more) return { rows, finished: true }
    const now = performance.now()
    if (now - startedAt >= budgetMs) break
    await delay(now - beganAt, undefined, { signal }).catch(() => {})
  }
  return { rows, finished: false }
}

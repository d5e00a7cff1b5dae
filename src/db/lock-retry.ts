import { setTimeout as delay } from 'node:timers/promises'

const tries = 20
const firstPauseMs = 50
const lastPauseMs = 1_000

/** SQLSTATE: lock_not_available, which is what a lock timeout says, and deadlock_detected. */
const lockFailures = new Set(['55P03', '40P01'])

/**
 * Does something again that could not lock a table within its short lock timeout, some 15 s in all: between two tries those who queued
 * up behind it get through. Throws what the last try threw, anything that is not about locks at once, and when `signal` aborts.
 */
export async function retryWhileLocked<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n += 1) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (n === tries || !lockFailures.has(String((error as { code?: unknown }).code))) throw error
      await delay(Math.min(lastPauseMs, firstPauseMs * 2 ** n) * (0.5 + Math.random() / 2), undefined, { signal })
    }
  }
}

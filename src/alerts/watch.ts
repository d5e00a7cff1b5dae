import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/pool.ts'
import { startLoop } from '../runtime/loop.ts'
import type { Vitals } from '../runtime/vitals.ts'

export interface AlertWatchOptions {
  readonly database: Database
  readonly config: Config
  readonly owner: string
  /** Tells by itself when the database is out of reach: workers of one kind do, so that not every process does. */
  readonly tellsOfDatabase: boolean
  readonly vitals: Vitals
  readonly log: Logger
}

const everyMs = 30_000
/** A little less than from one look to the next. */
const leastSeconds = 25

/**
 * Looks every 30 seconds for what is wrong, and tells the administrator, in every worker from its first second on; the workers share one
 * look between them. What a worker needs for it is loaded with the first look, long after its start.
 */
export function startAlertWatch(options: AlertWatchOptions): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  let looking: Promise<() => Promise<void>> | undefined
  const loop = startLoop({
    ...{ name: 'alerts', everyMs, isSpare: true, log: options.log, vitals: options.vitals },
    async run() {
      looking ??= import('./looker.ts').then(({ createLooker }) => createLooker({ ...options, leastSeconds, signal }))
      await (await looking)()
    },
  })
  return {
    async stop() {
      stopping.abort()
      await loop.stop()
    },
  }
}

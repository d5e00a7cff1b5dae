import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { DB } from '../db/schema.ts'

/** What every duty of the lifecycle worker is given. */
export interface Maintenance {
  readonly db: Kysely<DB>
  /** Aborts when the worker is told to stop: a duty then ends after the step in hand, and goes on with the next run. */
  readonly signal: AbortSignal
  readonly log: Logger
}

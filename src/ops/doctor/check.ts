import type { Kysely } from 'kysely'
import type { DB } from '../../db/schema.ts'

/** Something that a check has found to be wrong. */
export interface Finding {
  /** An error wants to be mended now; a warning may be as it should be. */
  readonly severity: 'error' | 'warning'
  /** For programs: `DEFAULT_PASSWORD`. */
  readonly code: string
  /** What is wrong, with names and counts: a clause. */
  readonly what: string
  /** Why that matters: a sentence. */
  readonly why: string
  /** The command that mends it, or what to do where no command does. */
  readonly remedy: string
}

export interface Examination {
  readonly findings: readonly Finding[]
  /** What was looked at and is as it should be, in one clause; undefined where nothing is. */
  readonly fine: string | undefined
}

/** What checks may look at. They change nothing. */
export interface CheckContext {
  /** It may lack any of the migrations. */
  readonly db: Kysely<DB>
}

export interface Check {
  /** One word. */
  readonly name: string
  examine(context: CheckContext): Promise<Examination>
}

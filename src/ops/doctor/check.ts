import type { Kysely } from 'kysely'
import type { Config } from '../../config/config.ts'
import type { ConfigFault } from '../../config/config-error.ts'
import type { DB } from '../../db/schema.ts'
import type { Finding, FindingKinds } from './finding.ts'

export interface Examination {
  readonly findings: readonly Finding[]
  /** What was looked at and is as it should be, in one clause. */
  readonly fine?: string | undefined
  /** Why it was not looked at, in one clause. */
  readonly skipped?: string
}

/** What a check may look at that needs no database. */
export interface HostContext {
  /** As far as it is valid: a variable with a fault counts as not given. */
  readonly config: Config
  readonly faults: readonly ConfigFault[]
  /** The text records of a name in the DNS. Rejects as node:dns does. */
  readonly resolveTxt: (name: string) => Promise<string[][]>
}

export interface DatabaseContext extends HostContext {
  /** It may lack any of the migrations. */
  readonly db: Kysely<DB>
}

/** Looks at one thing, and changes nothing. */
export interface Check<Context> {
  /** One word. */
  readonly name: string
  readonly kinds: FindingKinds
  examine(context: Context): Promise<Examination>
}

/** All is fine where nothing was found. */
export function fineUnless(findings: readonly Finding[], fine: string): Examination {
  return { findings, fine: findings.length === 0 ? fine : undefined }
}

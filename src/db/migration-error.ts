import type { Difference } from './catalogue/finding.ts'

/** One migration applied (`up`) or reverted (`down`). */
export interface MigrationStep {
  readonly name: string
  readonly direction: 'up' | 'down'
  /** How long it took, its bookkeeping included. */
  readonly ms: number
}

/**
 * - `MIGRATION_FAILED`: a statement was refused; that migration was rolled back, those in `done` stay.
 * - `MIGRATION_BLOCKED`: a table stayed locked by others for too long; otherwise as above.
 * - `MIGRATION_LOCKED`: another process is migrating this database, and the time to wait for it is over. Nothing was done.
 * - `MIGRATION_NAME_UNKNOWN`: the name given is no migration of this release; `near` has similar ones.
 * - `MIGRATION_EDITED`: the file of an applied migration is not the one that was applied. Nothing was done.
 * - `MIGRATION_PREFLIGHT`: what the database holds already cannot be adopted; `findings` says what, and what would mend it. Nothing was
 *   done.
 * - `MIGRATION_DATABASE_AHEAD`: the database has migrations that this release does not know. Nothing was done.
 */
export type MigrationErrorCode =
  | 'MIGRATION_FAILED'
  | 'MIGRATION_BLOCKED'
  | 'MIGRATION_LOCKED'
  | 'MIGRATION_NAME_UNKNOWN'
  | 'MIGRATION_EDITED'
  | 'MIGRATION_PREFLIGHT'
  | 'MIGRATION_DATABASE_AHEAD'

export interface MigrationErrorFacts {
  readonly code: MigrationErrorCode
  /** The migration that failed, or the name nobody knows. */
  readonly migration?: string | undefined
  /** What the same call had completed before. */
  readonly done?: readonly MigrationStep[]
  /** Names that may have been meant, best first. */
  readonly near?: readonly string[]
  /** What keeps the database from being adopted. */
  readonly findings?: readonly Difference[]
  readonly cause?: unknown
}

export class MigrationError extends Error {
  override readonly name = 'MigrationError'
  readonly code: MigrationErrorCode
  readonly migration: string | undefined
  readonly done: readonly MigrationStep[]
  readonly near: readonly string[]
  readonly findings: readonly Difference[]

  constructor(message: string, facts: MigrationErrorFacts) {
    super(message, { cause: facts.cause })
    this.code = facts.code
    this.migration = facts.migration
    this.done = facts.done ?? []
    this.near = facts.near ?? []
    this.findings = facts.findings ?? []
  }
}

import { ConfigError } from '../config/config-error.ts'
import type { Difference } from '../db/catalogue/finding.ts'
import { MigrationError } from '../db/migration-error.ts'
import { CliError } from './cli-error.ts'
import { exitStatus } from './exit-status.ts'

/** An error as it is told: to people as text, to programs as `{"error":{"code","message","hint"}}`. */
export interface Fault {
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly exitStatus: number
  /** What was found one by one, with what would mend each. */
  readonly findings?: readonly Difference[]
  /** Nobody has thought about this error: who looks for its cause wants the stack. */
  readonly isUnexpected: boolean
}

/** Tells every error that a command can end with, other than commander's own. */
export async function toFault(error: unknown): Promise<Fault> {
  if (error instanceof CliError) return fault(error, error)
  if (error instanceof ConfigError) {
    return fault(error, { hint: 'correct them in the environment or in .env', exitStatus: exitStatus.configuration })
  }
  if (error instanceof MigrationError) return migrationFault(error)
  if (!(error instanceof Error)) return { ...fault(new Error(String(error)), {}), isUnexpected: true }
  const { code, hint } = error as Error & { code?: unknown; hint?: unknown }
  if (typeof hint === 'string' && typeof code === 'string' && !isSqlState(code)) {
    const pending = code === 'MIGRATIONS_PENDING'
    return fault(error, { hint, exitStatus: pending ? exitStatus.found : exitStatus.failed })
  }
  return databaseFault(error)
}

function fault(error: Error & { code?: unknown }, facts: { hint?: string | undefined; exitStatus?: number }): Fault {
  return {
    code: typeof error.code === 'string' ? error.code : 'UNEXPECTED',
    message: error.message,
    hint: facts.hint ?? null,
    exitStatus: facts.exitStatus ?? exitStatus.failed,
    isUnexpected: false,
  }
}

async function migrationFault(error: MigrationError): Promise<Fault> {
  if (error.code === 'MIGRATION_NAME_UNKNOWN') {
    const meant =
      error.near.length > 0 ? `did you mean ${error.near.join(' or ')}?` : '"fleet migrate status" lists them'
    return fault(error, { hint: meant, exitStatus: exitStatus.usage })
  }
  if (error.code === 'MIGRATION_DATABASE_AHEAD') return fault(error, { hint: 'use the newer release for it' })
  if (error.code === 'MIGRATION_EDITED') {
    const hint =
      'put the file back as it was released; where it makes the same schema: fleet migrate stamp $(fleet migrate current)'
    return fault(error, { hint, exitStatus: exitStatus.found })
  }
  if (error.code === 'MIGRATION_PREFLIGHT') {
    const hint = 'nothing was touched: carry out what is listed, or change it otherwise, and try again'
    return { ...fault(error, { hint, exitStatus: exitStatus.found }), findings: error.findings }
  }
  if (error.code === 'MIGRATION_LOCKED') return fault(error, { hint: 'try again when it is done, or give --wait' })
  if (await isUnreachable(error.cause)) return databaseFault(error)
  const done = error.done.map(({ name, direction }) => `${direction} ${name}`)
  return fault(error, {
    hint: done.length > 0 ? `done before it, and kept: ${done.join(', ')}` : 'nothing was changed',
  })
}

/** SQLSTATE: a table, column, function or schema that does not exist. */
const missingObject = new Set(['42P01', '42703', '42883', '3F000'])

async function databaseFault(error: Error & { code?: unknown }): Promise<Fault> {
  if (await isUnreachable(error)) {
    return {
      ...fault(error, {
        hint: 'what was under way may or may not have been done: look before you repeat it',
        exitStatus: exitStatus.unreachable,
      }),
      code: 'DATABASE_UNREACHABLE',
      message: `the connection to the database was lost: ${error.message || error.code}`,
    }
  }
  if (typeof error.code !== 'string' || !isSqlState(error.code)) return { ...fault(error, {}), isUnexpected: true }
  const message = `${error.message} (SQLSTATE ${error.code})`
  const hint = hintOf(error.code)
  return { ...fault(error, { hint }), code: 'DATABASE_ERROR', message, isUnexpected: hint === undefined }
}

function hintOf(sqlState: string): string | undefined {
  if (missingObject.has(sqlState)) return 'the database may lack migrations: fleet migrate status'
  // insufficient_privilege
  if (sqlState === '42501') return "the database's user has not the right: docs/security.md says which role has it"
  return undefined
}

/** Asked late, because the answer comes with the whole database driver. */
async function isUnreachable(error: unknown): Promise<boolean> {
  const pool = await import('../db/pool.ts')
  return pool.isUnreachable(error)
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code)
}

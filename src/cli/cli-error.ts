import { exitStatus } from './exit-status.ts'

export interface CliErrorFacts {
  /** For programs: `MAIL_UNKNOWN`. */
  readonly code: string
  /** What the operator can do about it. */
  readonly hint?: string | undefined
  readonly exitStatus: number
  readonly cause?: unknown
}

/** What ends a command, said to the operator as it stands. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: string
  readonly hint: string | undefined
  readonly exitStatus: number

  constructor(message: string, facts: CliErrorFacts) {
    super(message, { cause: facts.cause })
    this.code = facts.code
    this.hint = facts.hint
    this.exitStatus = facts.exitStatus
  }
}

export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { code: 'USAGE', hint, exitStatus: exitStatus.usage })
}

export type EmbeddedErrorCode =
  | 'EMBEDDED_POSTGRES_MISSING'
  | 'EMBEDDED_POSTGRES_BROKEN'
  | 'EMBEDDED_ACCOUNT_MISSING'
  | 'EMBEDDED_IN_USE'
  | 'EMBEDDED_FORBIDDEN'
  | 'EMBEDDED_VERSION'
  | 'EMBEDDED_INIT_FAILED'
  | 'EMBEDDED_START_FAILED'
  | 'EMBEDDED_STOP_FAILED'

/** Why the embedded PostgreSQL cannot be had, and what the person at the terminal can do about it. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError'
  readonly code: EmbeddedErrorCode
  readonly hint: string

  constructor(code: EmbeddedErrorCode, message: string, options: { hint: string; cause?: unknown }) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.hint = options.hint
  }
}

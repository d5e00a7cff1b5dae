import type { Outcome } from './outcome.ts'

/** One line of the ledger of attempts, as far as the process knows it; the database adds when it was claimed, handed over and ended. */
export interface AttemptEntry {
  /** The number that the attempt had when it was made. */
  readonly attempt: number
  readonly outcome: Outcome['kind']
  /** What operators filter by; undefined when it was sent. */
  readonly errorClass: string | undefined
  /** Three digits, where a server answered. */
  readonly code: number | undefined
  /** What the server said more exactly, at most 20 characters, such as `5.1.1`. */
  readonly providerCode: string | undefined
  /** The answer that decided; without one, what happened instead. */
  readonly reply: string | undefined
  /** Where the message was offered; undefined where it did not come to that. */
  readonly transport: string | undefined
  /** From the start of the attempt to its end. */
  readonly durationMs: number
}

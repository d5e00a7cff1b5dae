import { type RawBuilder, sql } from 'kysely'

/** One attempt at a message that has ended, from the ledger of its queue. */
export interface MessageAttempt {
  /** As the message counted it: one that was given back has the number of the next, and a replay starts at 1 again. */
  readonly attempt: number
  /** Of the claim, as logs have it. */
  readonly token: string
  readonly claimedAt: Date | null
  /** When the next system may have had it; null where it did not come to that. */
  readonly handedOverAt: Date | null
  readonly endedAt: Date
  /** `sent`, `soft_failure`, `throttled`, `outage`, `hard_failure`, `skipped` or `ambiguous`. */
  readonly outcome: string
  readonly errorClass: string | null
  /** The answer of the next system; without one, what happened instead. */
  readonly reply: string | null
  readonly worker: string | null
  readonly transport: string | null
  readonly durationMs: number | null
}

/** The columns of a `MessageAttempt`, of row `a` of a ledger. */
export const attemptColumns: RawBuilder<MessageAttempt> = sql`
  a.attempt, a.token::text AS token, a.claimed_at AS "claimedAt", a.handed_over_at AS "handedOverAt", a.ended_at AS "endedAt",
  a.outcome, a.error_class AS "errorClass", a.reply, a.worker, a.transport, a.duration_ms AS "durationMs"`

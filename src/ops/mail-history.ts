import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** One attempt at a mail that has ended, from the ledger. */
export interface MailAttempt {
  /** As the mail counted it: one that was given back has the number of the next, and a replay starts at 1 again. */
  readonly attempt: number
  /** Of the claim, as logs have it. */
  readonly token: string
  readonly claimedAt: Date | null
  /** When the server may have had the message; null where it did not come to that. */
  readonly handedOverAt: Date | null
  readonly endedAt: Date
  /** `sent`, `soft_failure`, `throttled`, `outage`, `hard_failure`, `skipped` or `ambiguous`. */
  readonly outcome: string
  readonly errorClass: string | null
  readonly smtpCode: number | null
  readonly enhancedCode: string | null
  /** The server's answer; without one, what happened instead. */
  readonly reply: string | null
  readonly worker: string | null
  readonly transport: string | null
  readonly durationMs: number | null
}

/** What the ledger still has of a mail, wherever the mail is now; the latest attempt last. */
export async function listAttempts(db: Kysely<DB>, id: number): Promise<MailAttempt[]> {
  const { rows } = await sql<MailAttempt>`
    SELECT attempt, token::text, claimed_at AS "claimedAt", handed_over_at AS "handedOverAt", ended_at AS "endedAt", outcome,
           error_class AS "errorClass", smtp_code AS "smtpCode", enhanced_code AS "enhancedCode", reply, worker, transport,
           duration_ms AS "durationMs"
      FROM fleet.email_attempts
     WHERE email_id = ${id}
     ORDER BY ended_at, email_attempts.token`.execute(db)
  return rows
}

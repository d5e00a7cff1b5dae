import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { attemptColumns, type MessageAttempt } from './message-history.ts'

/** One attempt at a mail that has ended, from the ledger. */
export interface MailAttempt extends MessageAttempt {
  readonly smtpCode: number | null
  readonly enhancedCode: string | null
}

/** What the ledger still has of a mail, wherever the mail is now; the latest attempt last. */
export async function listAttempts(db: Kysely<DB>, id: number): Promise<MailAttempt[]> {
  const { rows } = await sql<MailAttempt>`
    SELECT ${attemptColumns}, a.smtp_code AS "smtpCode", a.enhanced_code AS "enhancedCode"
      FROM fleet.email_attempts AS a
     WHERE a.email_id = ${id}
     ORDER BY a.ended_at, a.token`.execute(db)
  return rows
}

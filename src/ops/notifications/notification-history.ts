import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { attemptColumns, type MessageAttempt } from '../message-history.ts'

/** One attempt at a notification that has ended, from the ledger. */
export interface NotificationAttempt extends MessageAttempt {
  /** Of HTTP or of the Bot API. */
  readonly code: number | null
  /** The provider's own. */
  readonly providerCode: string | null
}

/** What the ledger still has of a notification; the latest attempt last. */
export async function listNotificationAttempts(db: Kysely<DB>, id: number): Promise<NotificationAttempt[]> {
  const { rows } = await sql<NotificationAttempt>`
    SELECT ${attemptColumns}, a.code, a.provider_code AS "providerCode"
      FROM fleet.notification_attempts AS a
     WHERE a.notification_id = ${id}
     ORDER BY a.ended_at, a.token`.execute(db)
  return rows
}

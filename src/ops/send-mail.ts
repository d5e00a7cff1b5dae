import { type Kysely, sql } from 'kysely'
import type { DB, JsonObject } from '../db/schema.ts'
import type { whenAmbiguous } from './email-status.ts'

/** A mail to be put into the queue. What its fields hold has been validated. */
export interface NewMail {
  readonly to: string
  readonly cc: string | null
  readonly bcc: string | null
  readonly subject: string
  readonly text: string
  readonly html: string | null
  readonly template: string | null
  readonly variables: JsonObject
  /** 1 (most urgent) to 10. */
  readonly priority: number
  /** Null for at once. */
  readonly scheduledAt: Date | null
  readonly notAfter: Date | null
  readonly dedupKey: string | null
  /** Null for what the configuration says. */
  readonly whenAmbiguous: (typeof whenAmbiguous)[number] | null
}

export interface QueuedMail {
  readonly id: number
  /** False where a mail with the same key was there already: the rest is about that one. */
  readonly created: boolean
  readonly status: string
  readonly dueAt: Date | null
}

/** The widths of the columns that hold what `NewMail` says, in characters. */
export const columnWidths = { recipients: 255, subject: 500, template: 100, dedupKey: 255 } as const

/** Puts one mail into the queue, unless its key is taken. */
export async function sendMail(db: Kysely<DB>, mail: NewMail): Promise<QueuedMail> {
  const inserted = await db
    .insertInto('email_queue')
    .values({
      recipient_to: mail.to,
      recipient_cc: mail.cc,
      recipient_bcc: mail.bcc,
      subject: mail.subject,
      body: mail.text,
      html: mail.html,
      template_id: mail.template,
      variables: JSON.stringify(mail.variables),
      priority: mail.priority,
      scheduled_at: mail.scheduledAt,
      not_after: mail.notAfter,
      dedup_key: mail.dedupKey,
      when_ambiguous: mail.whenAmbiguous,
    })
    .onConflict((conflict) => conflict.column('dedup_key').doNothing())
    .returning(['id', sql<string>`status`.as('status'), 'due_at as dueAt'])
    .executeTakeFirst()
  if (inserted) return { ...inserted, created: true }
  const existing = await db
    .selectFrom('email_queue')
    .select(['id', sql<string>`status`.as('status'), 'due_at as dueAt'])
    .where('dedup_key', '=', mail.dedupKey)
    .executeTakeFirstOrThrow()
  return { ...existing, created: false }
}

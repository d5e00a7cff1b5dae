import { type RawBuilder, sql } from 'kysely'
import { columnList, readMailColumns } from '../email/archive-store.ts'
import { type MailFilter, mailCondition } from './mail-filter.ts'
import { meantMails } from './meant-mails.ts'
import type { MessageQueue } from './message-queue.ts'
import { restoreMails } from './restore-mails.ts'

/** The mail queue with its archive. */
export const mailQueue: MessageQueue<MailFilter> = {
  table: 'email_queue',
  condition: mailCondition,
  every: async (db) => everyMail((await readMailColumns(db)).kept),
  meant: meantMails,
  restore: restoreMails,
  example: sql`
    SELECT q.recipient_to AS recipient, q.subject FROM email_queue AS q WHERE q.id = first.id
     UNION ALL
    SELECT a.recipient_to, a.subject FROM fleet.email_archive AS a WHERE a.id = first.id AND a.ended_at = first.ended_at`,
  counts: sql`jsonb_build_object('archived', (SELECT count(*) FROM changed JOIN restored USING (id)))`,
}

function everyMail(columns: readonly string[]): RawBuilder<unknown> {
  return sql`(
    SELECT ${columnList(columns, 'queued')} FROM email_queue AS queued
     UNION ALL
    SELECT ${columnList(columns, 'archived')} FROM fleet.email_archive AS archived)`
}

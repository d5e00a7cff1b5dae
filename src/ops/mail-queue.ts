import { type RawBuilder, sql } from 'kysely'
import { columnList, readMailColumns } from '../email/archive-store.ts'
import { isAmbiguous } from './ambiguous-messages.ts'
import { type MailFilter, mailCondition } from './mail-filter.ts'
import type { MessageQueue } from './message-queue.ts'

/** The mail queue. What is archived is found in it, and has ended: it is changed by a replay only. */
export const mailQueue: MessageQueue<MailFilter> = {
  table: 'email_queue',
  condition: mailCondition,
  every: async (db) => everyMail((await readMailColumns(db)).kept),
  meant: ({ from, obstacle, changed }, filter) => sql`
    SELECT q.id, q.status, q.prio, ${obstacle} AS obstacle, ${isAmbiguous('email_queue')} AS ambiguous
      FROM email_queue AS q
     WHERE q.status = ANY(${filter.statuses ?? from}::text[]) AND ${mailCondition(filter, changed)}`,
  example: sql`SELECT q.recipient_to AS recipient, q.subject FROM email_queue AS q WHERE q.id = first.id`,
  counts: sql`'{}'::jsonb`,
}

function everyMail(columns: readonly string[]): RawBuilder<unknown> {
  return sql`(
    SELECT ${columnList(columns, 'queued')} FROM email_queue AS queued
     UNION ALL
    SELECT ${columnList(columns, 'archived')} FROM fleet.email_archive AS archived)`
}

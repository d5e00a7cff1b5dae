import { type RawBuilder, sql } from 'kysely'
import { isAmbiguous } from './ambiguous-messages.ts'
import { archivedCondition, endedOf } from './archived-mails.ts'
import type { EmailStatus } from './email-status.ts'
import { type MailFilter, mailCondition } from './mail-filter.ts'
import type { StatusChange } from './status-change.ts'

/**
 * A query of the mails that the filter means and the change is made from: id, status, prio, what speaks against it (`obstacle`), whether
 * it may have arrived (`ambiguous`), and for archived ones when they ended (`ended_at`).
 */
export function meantMails(change: StatusChange<MailFilter>, filter: MailFilter): RawBuilder<unknown> {
  const queued = sql`
    SELECT q.id, q.status, q.prio, ${change.obstacle} AS obstacle, ${isAmbiguous('email_queue')} AS ambiguous, NULL::timestamp AS ended_at
      FROM email_queue AS q
     WHERE q.status = ANY(${filter.statuses ?? change.from}::text[]) AND ${mailCondition(filter, change.changed)}`
  const ended = archivedStatuses(change, filter)
  if (ended.length === 0) return queued
  return sql`${queued}
     UNION ALL
    SELECT q.id, q.status, q.prio, coalesce(${change.obstacle}, ${keyObstacle}), ${isAmbiguous('email_queue')}, q.ended_at
      FROM fleet.email_archive AS q
     WHERE q.status = ANY(${ended}::text[]) AND ${archivedCondition(filter)}`
}

/** The statuses of archived mails that the change may concern. */
export function archivedStatuses({ from }: StatusChange<MailFilter>, { statuses }: MailFilter): readonly EmailStatus[] {
  return endedOf(statuses).filter((status) => from.includes(status))
}

/** A key that is archived is free: who has taken it since goes before. */
const keyObstacle = sql`
  CASE WHEN EXISTS (SELECT FROM email_queue AS taker WHERE taker.dedup_key = q.dedup_key)
         OR EXISTS (SELECT FROM fleet.email_archive AS taker WHERE taker.dedup_key = q.dedup_key AND taker.id > q.id)
       THEN 'key_taken' END`

import { type RawBuilder, sql } from 'kysely'
import { type EndedStatus, endedStatuses } from '../email/archive-store.ts'
import type { AddressPattern } from './address-pattern.ts'
import type { EmailStatus } from './email-status.ts'
import { goesTo, type MailFilter, mailCondition } from './mail-filter.ts'

/** When the status of row `q` of `fleet.email_archive` last changed: what the table is partitioned by. */
export const archivedEnd: RawBuilder<Date> = sql`q.ended_at`

/** Those of the statuses that archived mail can have; all of them where none are given. */
export function endedOf(statuses: readonly EmailStatus[] = endedStatuses): EndedStatus[] {
  return endedStatuses.filter((status) => statuses.includes(status))
}

/** The filter as a condition on row `q` of the archive, but for the statuses. */
export function archivedCondition({ to, ...filter }: MailFilter): RawBuilder<boolean> {
  const condition = mailCondition(filter, archivedEnd)
  return to === undefined ? condition : sql`(${condition} AND ${mayGoTo(to)} AND ${doesGoTo(to)})`
}

/** What `ix_email_archive_recipients` can look up: true of every row that goes there, and of few others. */
function mayGoTo({ localPart = '', domains }: AddressPattern): RawBuilder<boolean> {
  const spellings = domains.map(
    (domain) => sql`fleet.address_words(q.recipient_to, q.recipient_cc, q.recipient_bcc)
      @> fleet.address_words(${`${localPart}@${domain}`}, NULL, NULL)`,
  )
  return sql`(${sql.join(spellings, sql` OR `)})`
}

/**
 * The rule itself. Wrapped, because the planner is not to guess at it: of the words it knows how many rows have them, and that
 * alone decides whether the latest of a large domain are looked up by the words or met soon among the latest of all.
 */
function doesGoTo(pattern: AddressPattern): RawBuilder<boolean> {
  return sql`coalesce(${goesTo(pattern)}, false)`
}

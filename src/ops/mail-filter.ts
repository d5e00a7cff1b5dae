import { type RawBuilder, sql } from 'kysely'
import type { AddressPattern } from './address-pattern.ts'
import type { EmailStatus } from './email-status.ts'
import { escapeLike, type MessageFilter, messageCondition } from './message-filter.ts'

/** Which mails of the queue are meant: those for which everything given holds. */
export interface MailFilter extends MessageFilter {
  readonly statuses?: readonly EmailStatus[] | undefined
  /** One of the addresses in To, Cc or Bcc. */
  readonly to?: AddressPattern | undefined
  readonly templateId?: string | undefined
}

/**
 * When the status of row `q` last changed, as a `timestamp` in UTC. A row that nobody has changed yet has only what a foreign
 * session's `DEFAULT now()` wrote, which may be local time: there it is the moment that the fleet's trigger stamped.
 */
export const changedAt: RawBuilder<Date> = sql`
  CASE WHEN q.status IN ('pending', 'sending') AND q.updated_at IS NOT DISTINCT FROM q.created_at
       THEN q.enqueued_at AT TIME ZONE 'UTC' ELSE q.updated_at END`

/** The same for rows that have ended or are held, which is what `ix_email_queue_ended` lists. */
export const endedAt: RawBuilder<Date> = sql`q.updated_at`

/** The filter as a condition on row `q`, but for the statuses. `changed` says when its status last changed. */
export function mailCondition(filter: MailFilter, changed: RawBuilder<Date>): RawBuilder<boolean> {
  const { to, templateId } = filter
  return messageCondition(filter, changed, [
    to && goesTo(to),
    templateId !== undefined && sql`q.template_id = ${templateId}`,
  ])
}

const recipientFields = ['recipient_to', 'recipient_cc', 'recipient_bcc'] as const

/**
 * Whether an address stands in one of the fields of row `q`, by the rules of `parseRecipients`: alone between separators, or in angle
 * brackets. Display names in quotes are taken out first, since they may hold anything. ILIKE comes first because it is cheap.
 */
export function goesTo(pattern: AddressPattern, fields: readonly string[] = recipientFields): RawBuilder<boolean> {
  const { regexp, like } = toMatchers(pattern)
  const conditions = fields.map((field) => {
    const column = sql.ref(`q.${field}`)
    return sql`${column} ILIKE ANY(${like}::text[])
      AND regexp_replace(${column}, '"(?:[^"\\\\]|\\\\.)*"\\s*(?=<)', '', 'g') ~* ${regexp}`
  })
  return sql`(${sql.join(conditions, sql` OR `)})`
}

function toMatchers({ localPart, domains }: AddressPattern): { regexp: string; like: string[] } {
  const domain = `(?:${domains.map(escapeRegexp).join('|')})`
  const bare = `${localPart === undefined ? '[^,;:<>]+' : escapeRegexp(localPart)}@${domain}`
  const bracketed = `${localPart === undefined ? '[^<>]+' : escapeRegexp(localPart)}@${domain}`
  return {
    regexp: `(?:^|[,;:])\\s*${bare}\\s*(?:$|[,;])|<\\s*${bracketed}\\s*>`,
    like: domains.map((spelling) => `%${escapeLike(`${localPart ?? ''}@${spelling}`)}%`),
  }
}

function escapeRegexp(text: string): string {
  return text.replace(/[\\^$.[\]|()?*+{}]/g, '\\$&')
}

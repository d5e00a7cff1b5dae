import { type RawBuilder, sql } from 'kysely'
import type { AddressPattern } from './address-pattern.ts'
import type { EmailStatus } from './email-status.ts'

/** Which mails of the queue are meant: those for which everything given holds. */
export interface MailFilter {
  readonly ids?: readonly number[] | undefined
  readonly statuses?: readonly EmailStatus[] | undefined
  /** The last change of status was then or later. */
  readonly since?: Date | undefined
  /** The last change of status was before. */
  readonly until?: Date | undefined
  /** One of the addresses in To, Cc or Bcc. */
  readonly to?: AddressPattern | undefined
  readonly templateId?: string | undefined
  readonly errorClass?: string | undefined
  /** Contained in the last error, whatever the case. */
  readonly errorText?: string | undefined
  /** 1 to 10, as the workers see them. */
  readonly priorities?: readonly number[] | undefined
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
  const { ids, since, until, to, templateId, errorClass, errorText, priorities } = filter
  const conditions = [
    ids && sql`q.id = ANY(${ids}::int[])`,
    since && sql`${changed} >= ${since}::timestamp`,
    until && sql`${changed} < ${until}::timestamp`,
    to && goesTo(to),
    templateId !== undefined && sql`q.template_id = ${templateId}`,
    errorClass !== undefined && sql`q.error_class = ${errorClass}`,
    errorText !== undefined && sql`q.last_error ILIKE ${`%${escapeLike(errorText)}%`}`,
    priorities && sql`q.prio = ANY(${priorities}::int[])`,
  ].filter((condition) => condition !== undefined && condition !== false)
  return conditions.length === 0 ? sql`true` : sql`(${sql.join(conditions, sql` AND `)})`
}

/**
 * Whether an address stands in one of the three fields, by the rules of `parseRecipients`: alone between separators, or in angle
 * brackets. Display names in quotes are taken out first, since they may hold anything. ILIKE comes first because it is cheap.
 */
export function goesTo(pattern: AddressPattern): RawBuilder<boolean> {
  const { regexp, like } = toMatchers(pattern)
  const fields = ['recipient_to', 'recipient_cc', 'recipient_bcc'].map((field) => {
    const column = sql.ref(`q.${field}`)
    return sql`${column} ILIKE ANY(${like}::text[])
      AND regexp_replace(${column}, '"(?:[^"\\\\]|\\\\.)*"\\s*(?=<)', '', 'g') ~* ${regexp}`
  })
  return sql`(${sql.join(fields, sql` OR `)})`
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

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

function escapeRegexp(text: string): string {
  return text.replace(/[\\^$.[\]|()?*+{}]/g, '\\$&')
}

import { type RawBuilder, sql } from 'kysely'
import { archivedEnd } from './archived-mails.ts'

/** A mail as lists show it. */
export interface MailSummary {
  readonly id: number
  /** One of `emailStatuses`, or whatever another program wrote. */
  readonly status: string
  /** 1 to 10, as the workers see it. */
  readonly priority: number
  readonly to: string
  readonly cc: string | null
  readonly bcc: string | null
  readonly subject: string
  readonly template: string | null
  readonly attempts: number
  readonly maxAttempts: number
  readonly enqueuedAt: Date
  /** No worker takes it before. */
  readonly dueAt: Date | null
  readonly notAfter: Date | null
  readonly sentAt: Date | null
  /** The last change of its status. */
  readonly changedAt: Date | null
  /** Null while it is in the queue. */
  readonly archivedAt: Date | null
  /** When what it said was erased; null where it was not. */
  readonly erasedAt: Date | null
  readonly errorClass: string | null
  readonly lastError: string | null
}

/** The columns of a `MailSummary`, of row `q`. `changed` says when its status last changed. */
export function summaryColumns(changed: RawBuilder<Date>): RawBuilder<MailSummary> {
  return sql`${columns(changed)}, NULL::timestamptz AS "archivedAt"`
}

/** The same of a row of the archive. */
export const archivedSummaryColumns: RawBuilder<MailSummary> = sql`${columns(archivedEnd)}, q.archived_at AS "archivedAt"`

function columns(changed: RawBuilder<Date>): RawBuilder<unknown> {
  return sql`
    q.id, coalesce(q.status, 'pending') AS status, q.prio AS priority,
    q.recipient_to AS "to", q.recipient_cc AS cc, q.recipient_bcc AS bcc, q.subject, q.template_id AS template,
    coalesce(q.attempts, 0) AS attempts, coalesce(q.max_attempts, 3) AS "maxAttempts",
    q.enqueued_at AS "enqueuedAt", q.due_at AS "dueAt", q.not_after AS "notAfter", q.sent_at AS "sentAt",
    ${changed} AS "changedAt", q.error_class AS "errorClass", q.last_error AS "lastError",
    q.erased_at AS "erasedAt"`
}

import { type RawBuilder, sql } from 'kysely'

/** A notification as lists show it. */
export interface NotificationSummary {
  readonly id: number
  /** One of `notificationStatuses`, or whatever another program wrote. */
  readonly status: string
  /** One of `channelNames`, or whatever another program wrote. */
  readonly channel: string
  /** As the workers see it. */
  readonly priority: 'urgent' | 'high' | 'normal' | 'low'
  /** Address, chat id or phone number; null for nobody, and in the application. */
  readonly to: string | null
  readonly companyId: number | null
  /** The name of the company. */
  readonly company: string | null
  /** What happened: `notification_type`. */
  readonly type: string | null
  readonly group: string | null
  /** Its subject; without one, how its message begins. */
  readonly subject: string | null
  readonly attempts: number
  readonly maxAttempts: number
  readonly enqueuedAt: Date
  /** No worker takes it before. */
  readonly dueAt: Date | null
  readonly notAfter: Date | null
  readonly sentAt: Date | null
  /** The last change of its status. */
  readonly changedAt: Date
  readonly readAt: Date | null
  /** When what it said was erased; null where it was not. */
  readonly erasedAt: Date | null
  /** The notification that it stands in for. */
  readonly fallbackOf: number | null
  /** The notification that it goes out with. */
  readonly digestOf: number | null
  /** How many it tells, itself included; null for none but itself. */
  readonly digestSize: number | null
  readonly errorClass: string | null
  readonly lastError: string | null
}

/** What people know row `q` by. */
export const noticeName: RawBuilder<string | null> = sql`coalesce(nullif(btrim(q.subject), ''), left(q.message, 200))`

/** The columns of a `NotificationSummary`, of row `q`, but for the company's name. */
export const notificationColumns: RawBuilder<unknown> = sql`
  q.id, coalesce(q.status, 'pending') AS status, q.type AS channel,
  CASE q.prio WHEN 1 THEN 'urgent' WHEN 3 THEN 'high' WHEN 7 THEN 'low' ELSE 'normal' END AS priority,
  q.recipient AS "to", q.company_id AS "companyId", q.notification_type AS type, q.group_id AS "group", ${noticeName} AS subject,
  coalesce(q.attempts, 0) AS attempts, coalesce(q.max_attempts, 3) AS "maxAttempts",
  q.enqueued_at AS "enqueuedAt", q.due_at AS "dueAt", q.not_after AS "notAfter",
  CASE WHEN q.status = 'sent' THEN coalesce(q.processed_at, q.changed_at AT TIME ZONE 'UTC') END AS "sentAt",
  q.changed_at AS "changedAt", q.read_at AS "readAt", q.erased_at AS "erasedAt",
  q.fallback_of AS "fallbackOf", q.digest_of AS "digestOf", q.digest_size AS "digestSize",
  q.error_class AS "errorClass", q.last_error AS "lastError"`

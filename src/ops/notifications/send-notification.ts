import { type Kysely, sql } from 'kysely'
import type { DB, JsonObject } from '../../db/schema.ts'
import type { ChannelName } from '../../notifications/notice.ts'
import type { whenAmbiguous } from '../email-status.ts'
import type { NotificationPriority } from './notification-status.ts'

/** A notification to be put into the queue. What its fields hold has been validated. */
export interface NewNotification {
  readonly channel: ChannelName
  readonly companyId: number | null
  /** What happened: `notification_type`. */
  readonly type: string
  readonly priority: NotificationPriority
  readonly subject: string | null
  readonly message: string | null
  readonly data: JsonObject
  readonly group: string | null
  /** Null for at once. */
  readonly scheduledAt: Date | null
  readonly notAfter: Date | null
  readonly dedupKey: string | null
  /** Null for what the configuration says. */
  readonly whenAmbiguous: (typeof whenAmbiguous)[number] | null
}

export interface QueuedNotification {
  readonly id: number
  /** False where a notification with the same key was there already: the rest is about that one. */
  readonly created: boolean
  readonly status: string
  readonly dueAt: Date | null
  /** Null for nobody. */
  readonly to: string | null
}

const source = 'fleet cli'

/** Puts one notification into the queue, unless its key is taken. */
export async function sendNotification(db: Kysely<DB>, notification: NewNotification): Promise<QueuedNotification> {
  const status = sql<string>`status`.as('status')
  const inserted = await db
    .insertInto('notifications')
    .values({
      type: notification.channel,
      company_id: notification.companyId,
      notification_type: notification.type,
      priority: notification.priority,
      subject: notification.subject,
      message: notification.message,
      event_data: JSON.stringify(notification.data),
      group_id: notification.group,
      scheduled_at: notification.scheduledAt,
      not_after: notification.notAfter,
      dedup_key: notification.dedupKey,
      when_ambiguous: notification.whenAmbiguous,
      source,
    })
    .onConflict((conflict) => conflict.column('dedup_key').doNothing())
    .returning(['id', status, 'due_at as dueAt', 'recipient as to'])
    .executeTakeFirst()
  if (inserted) return { ...inserted, created: true }
  const existing = await db
    .selectFrom('notifications')
    .select(['id', status, 'due_at as dueAt', 'recipient as to'])
    .where('dedup_key', '=', notification.dedupKey)
    .executeTakeFirstOrThrow()
  return { ...existing, created: false }
}

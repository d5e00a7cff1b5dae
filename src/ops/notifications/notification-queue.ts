import { type RawBuilder, sql } from 'kysely'
import { isAmbiguous } from '../ambiguous-messages.ts'
import { cancellableStatuses, releasableStatuses } from '../email-status.ts'
import type { MessageQueue } from '../message-queue.ts'
import type { StatusChange } from '../status-change.ts'
import { type NotificationFilter, notificationChangedAt, notificationCondition } from './notification-filter.ts'
import { replayableNotifications } from './notification-status.ts'
import { noticeName } from './notification-summary.ts'

/**
 * Whether the next system may have it already. An e-mail notification has been handed over where its mail has.
 */
const mayHaveArrived = sql<boolean>`
  (${isAmbiguous('notifications')}
   OR (q.type = 'email' AND EXISTS (
        SELECT FROM email_queue AS mail WHERE mail.notification_id = q.id AND ${isAmbiguous('email_queue', 'mail')})))`

const notificationQueue: MessageQueue<NotificationFilter> = {
  table: 'notifications',
  condition: notificationCondition,
  every: async () => sql`notifications`,
  meant: meantNotifications,
  example: sql`SELECT q.recipient, ${noticeName} AS subject FROM notifications AS q WHERE q.id = first.id`,
  // The trigger lets the rest of a digest share what becomes of the row that carries it, but for one that is taken out on its way.
  counts: sql`
    jsonb_build_object('members', (
      SELECT count(*)
        FROM changed
        JOIN notifications AS member ON member.digest_of = changed.id AND member.status = changed.status
       WHERE changed.status NOT IN ('pending', 'sending') AND member.id NOT IN (SELECT id FROM changed)))`,
}

/** What is sent again is sent as it was: for a row of a digest its whole digest is meant. What is taken out is taken out by itself. */
function meantNotifications({ from, to, obstacle }: StatusChange<NotificationFilter>, filter: NotificationFilter) {
  const found = sql`q.status = ANY(${filter.statuses ?? from}::text[]) AND ${notificationCondition(filter)}`
  const columns = sql`q.id, q.status, q.prio, ${obstacle} AS obstacle, ${mayHaveArrived} AS ambiguous`
  if (to === 'cancelled') return sql`SELECT ${columns} FROM notifications AS q WHERE ${found}`
  return sql`
    SELECT ${columns}
      FROM notifications AS q
     WHERE q.id IN (
       SELECT coalesce(carrier.id, q.id)
         FROM notifications AS q
         LEFT JOIN notifications AS carrier ON carrier.id = q.digest_of AND carrier.status = q.status
        WHERE ${found})`
}

/** Its worker may not be done with it; a mail under way is with the worker of mail. */
const isInHand: RawBuilder<boolean> = sql`
  (q.status = 'cancelled' AND (
     (q.leased_until > now() AND isfinite(q.leased_until))
     OR (q.type = 'email' AND EXISTS (
          SELECT FROM email_queue AS mail
           WHERE mail.notification_id = q.id AND mail.status = 'cancelled' AND mail.leased_until > now()))))`

/**
 * Puts notifications back into the queue: attempts start afresh on the channel that each is for, and on no other. What would expire at
 * once is left alone, what a worker may still be sending, and what no channel could ever send.
 */
export const replayNotifications: StatusChange<NotificationFilter> = {
  queue: notificationQueue,
  action: 'replay',
  from: replayableNotifications,
  to: 'pending',
  changed: notificationChangedAt,
  obstacle: sql`
    CASE WHEN q.erased_at IS NOT NULL THEN 'erased'
         WHEN q.type NOT IN ('email', 'telegram', 'sms', 'system') THEN 'unknown_channel'
         WHEN q.not_after <= fleet.utc_now() THEN 'would_expire'
         WHEN ${isInHand} THEN 'being_sent' END`,
}

/** A replay of what is held, and of nothing else: an operator has looked at it and wants it sent. */
export const releaseNotifications: StatusChange<NotificationFilter> = {
  ...replayNotifications,
  action: 'release',
  from: releasableStatuses,
}

/** Takes notifications out of the queue for good, until somebody replays them. One that is being sent may be out already. */
export const cancelNotifications: StatusChange<NotificationFilter> = {
  queue: notificationQueue,
  action: 'cancel',
  from: cancellableStatuses,
  to: 'cancelled',
  changed: notificationChangedAt,
  obstacle: sql`NULL::text`,
}

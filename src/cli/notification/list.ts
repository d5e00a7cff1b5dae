import { databaseNow } from '../../ops/clock.ts'
import { listNotifications } from '../../ops/notifications/list-notifications.ts'
import type { NotificationSummary } from '../../ops/notifications/notification-summary.ts'
import type { Answer } from '../answer.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, renderTable } from '../table.ts'
import { formatTime } from '../times.ts'
import { countOf, paintStatus } from '../words.ts'
import { type NotificationFilterOptions, toNotificationFilter } from './filter-options.ts'

const defaultLimit = 20

export async function showNotifications(session: Session, options: NotificationFilterOptions): Promise<Answer> {
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const filter = await toNotificationFilter(options, now, db)
  const limit = options.limit ?? defaultLimit
  const found = await session.progress('Looking for notifications', () => listNotifications(db, filter, limit + 1))
  const notifications = found.slice(0, limit)
  if (found.length > limit && options.limit === undefined) {
    session.say(`Only the latest ${countOf(limit, 'notification')}; --limit shows more.`)
  }
  return {
    document: { notifications },
    text: (screen) =>
      notifications.length === 0 ? 'No notification.' : renderNotifications(notifications, { screen, now }),
  }
}

function renderNotifications(
  notifications: readonly NotificationSummary[],
  { screen, now }: { screen: Screen; now: Date },
): string {
  const columns = [
    { title: 'ID', align: 'right' as const },
    { title: 'STATUS' },
    { title: 'CHANNEL' },
    { title: 'PRIO' },
    { title: 'TO' },
    { title: 'SUBJECT' },
    { title: 'TYPE' },
    { title: 'COMPANY' },
    { title: 'TRIES' },
    { title: 'WHEN' },
    { title: 'ERROR' },
  ]
  const rows = notifications.map((notification): Cell[] => [
    { text: String(notification.id) },
    { text: notification.status, paint: paintStatus(notification.status, screen) },
    { text: notification.channel },
    { text: notification.priority },
    { text: notification.to ?? '-' },
    { text: notification.subject ?? '-' },
    { text: notification.type ?? '-' },
    { text: notification.company ?? '-' },
    { text: `${notification.attempts}/${notification.maxAttempts}` },
    { text: formatTime(timeOf(notification), { now, screen }) },
    { text: [notification.errorClass, notification.lastError].filter((part) => part).join(': ') },
  ])
  return renderTable(columns, rows, screen)
}

/** The time that matters most in this status. */
function timeOf(notification: NotificationSummary): Date | null {
  if (notification.status === 'sent') return notification.sentAt
  return notification.status === 'pending' ? notification.dueAt : notification.changedAt
}

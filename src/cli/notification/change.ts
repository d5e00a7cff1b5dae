import type { NotificationFilter } from '../../ops/notifications/notification-filter.ts'
import {
  cancelNotifications,
  releaseNotifications,
  replayNotifications,
} from '../../ops/notifications/notification-queue.ts'
import type { StatusChange } from '../../ops/status-change.ts'
import type { Answer } from '../answer.ts'
import { changeMessages } from '../change.ts'
import type { ConsentOptions } from '../consent.ts'
import { notificationWords } from '../message-words.ts'
import type { Session } from '../session.ts'
import { type NotificationFilterOptions, toNotificationFilter } from './filter-options.ts'

export type ChangeNotificationsOptions = NotificationFilterOptions & ConsentOptions

const changes = {
  replay: replayNotifications,
  release: releaseNotifications,
  cancel: cancelNotifications,
} as const satisfies Record<string, StatusChange<NotificationFilter>>

export async function changeNotifications(
  session: Session,
  action: keyof typeof changes,
  options: ChangeNotificationsOptions,
): Promise<Answer> {
  const command = { change: changes[action], words: notificationWords, toFilter: toNotificationFilter }
  return changeMessages(session, command, options)
}

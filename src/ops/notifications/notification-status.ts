/** Every word that the fleet writes into `notifications.status`. Other programs may have left further ones. */
export const notificationStatuses = [
  'pending',
  'sending',
  'sent',
  'failed',
  'skipped',
  'held',
  'cancelled',
  'expired',
] as const

export type NotificationStatus = (typeof notificationStatuses)[number]

/** What a replay can put back into the queue. */
export const replayableNotifications = [
  'failed',
  'held',
  'cancelled',
  'expired',
  'skipped',
] as const satisfies readonly NotificationStatus[]

/** The words of `notifications.priority`, with what the workers make of them: `notifications.prio`. */
export const notificationPriorities = { urgent: 1, high: 3, normal: 5, low: 7 } as const

export type NotificationPriority = keyof typeof notificationPriorities

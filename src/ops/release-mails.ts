import { releasableStatuses } from './email-status.ts'
import { endedAt, type MailFilter } from './mail-filter.ts'
import { sendingObstacle } from './mail-obstacles.ts'
import { mailQueue } from './mail-queue.ts'
import type { StatusChange } from './status-change.ts'

/** Puts back what is held, and nothing else: an operator has looked at it and wants it sent. Attempts start afresh. */
export const release: StatusChange<MailFilter> = {
  queue: mailQueue,
  action: 'release',
  from: releasableStatuses,
  to: 'pending',
  changed: endedAt,
  obstacle: sendingObstacle(),
}

import { releasableStatuses } from './email-status.ts'
import type { MailFilter } from './mail-filter.ts'
import { replay } from './replay-mails.ts'
import type { StatusChange } from './status-change.ts'

/** A replay of what is held, and of nothing else: an operator has looked at it and wants it sent. */
export const release: StatusChange<MailFilter> = { ...replay, action: 'release', from: releasableStatuses }

import type { Notice } from '../../../src/notifications/notice.ts'

/** A notice for Telegram; what matters to a test it names itself. */
export function makeNotice(given: Partial<Notice> = {}): Notice {
  return {
    id: 17,
    channel: 'telegram',
    companyId: 1,
    notificationType: 'expiry_warning',
    prio: 5,
    subject: 'Subscription',
    message: 'Ends <b>tomorrow</b>.',
    data: {},
    recipient: '5',
    locale: 'en',
    parts: null,
    digest: [],
    ...given,
  }
}

import type { Hold } from '../../../src/notifications/channel.ts'
import type { Notice } from '../../../src/notifications/notice.ts'

/** A notice for an SMS; whatever matters to a test is said by it. */
export function smsNotice(given: Partial<Notice> = {}): Notice {
  return {
    id: 1,
    channel: 'sms',
    companyId: 7,
    notificationType: 'expiry_warning',
    prio: 5,
    subject: 'Подписка заканчивается',
    message: 'Проект «Витрина» закроется 5 марта.',
    data: {},
    recipient: '8 (912) 345-67-89',
    locale: 'ru',
    parts: null,
    digest: [],
    ...given,
  }
}

/** A hold that is never lost, and lets everything be handed over; counts how often it was asked. */
export function firmHold(): Hold & { readonly asked: () => number } {
  let asked = 0
  return {
    asked: () => asked,
    async handOver() {
      asked += 1
      return true
    },
    lost: () => false,
    async keep() {},
  }
}

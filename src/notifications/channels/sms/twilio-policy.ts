import type { HttpAnswer } from '../../../runtime/http-exchange.ts'
import type { SmsVerdict } from './driver.ts'
import type { SmsErrorClass } from './error-class.ts'
import { answerLost, judgeStatus } from './exchange-policy.ts'
import { retryAfterMs } from './retry-after.ts'

/** What could be read in an answer of Twilio's. */
export interface TwilioTold {
  /** Of the message that was taken. */
  readonly sid?: string | undefined
  /** Twilio's own code, such as 21211. */
  readonly code?: number | undefined
  /** The answer in words. */
  readonly said: string
}

/**
 * Codes that decide whatever the status is (https://www.twilio.com/docs/api/errors). Those about our sender that may depend on the
 * recipient's country are hard: one such row must not hold all others back.
 */
const byCode: Readonly<Record<number, readonly ['hard_failure' | 'outage' | 'throttled', SmsErrorClass]>> = {
  10001: ['outage', 'account_inactive'],
  20003: ['outage', 'login_refused'],
  20005: ['outage', 'account_inactive'],
  20404: ['outage', 'misdirected'],
  20429: ['throttled', 'throttled'],
  21211: ['hard_failure', 'phone_invalid'],
  21212: ['outage', 'sender_refused'],
  21214: ['hard_failure', 'number_unreachable'],
  21217: ['hard_failure', 'phone_invalid'],
  21265: ['hard_failure', 'phone_invalid'],
  21408: ['hard_failure', 'not_permitted'],
  21603: ['outage', 'sender_refused'],
  21606: ['hard_failure', 'sender_refused'],
  21608: ['hard_failure', 'not_permitted'],
  21610: ['hard_failure', 'unsubscribed'],
  21611: ['throttled', 'throttled'],
  21612: ['hard_failure', 'number_unreachable'],
  21614: ['hard_failure', 'not_mobile'],
  21635: ['hard_failure', 'not_mobile'],
  21659: ['hard_failure', 'sender_refused'],
  21660: ['outage', 'sender_refused'],
  21661: ['outage', 'sender_refused'],
}

/** What an answer of Twilio's means. */
export function judgeTwilio(answer: HttpAnswer, told: TwilioTold, now: Date): SmsVerdict {
  const reason = `Twilio answered ${told.said}`
  if (answer.status >= 300) {
    const verdict = judgeStatus(answer, reason, now) ?? refused(answer, reason)
    const [kind, errorClass] = byCode[told.code ?? 0] ?? []
    if (!kind || !errorClass) return verdict
    if (kind !== 'throttled') return { kind, errorClass, reason }
    return { kind, errorClass, reason, retryAfterMs: retryAfterMs(answer.headers['retry-after'], now) }
  }
  if (told.sid !== undefined) return { kind: 'sent' }
  return answerLost(`${reason}, which cannot be read`, answer.fault?.code)
}

/** Messages are created at one address only: where that is not found no message has been looked at. */
function refused({ status }: HttpAnswer, reason: string): SmsVerdict {
  return status === 404 || status === 405
    ? { kind: 'outage', errorClass: 'misdirected', reason }
    : { kind: 'hard_failure', errorClass: 'message_refused', reason }
}

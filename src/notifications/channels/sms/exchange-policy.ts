import { assertNever } from '../../../runtime/assert-never.ts'
import type { HttpAnswer, HttpExchange } from '../../../runtime/http-exchange.ts'
import type { SmsVerdict } from './driver.ts'
import { retryAfterMs } from './retry-after.ts'

/** What every provider means by a status that is not about one message; undefined where that is to be looked at. */
export function judgeStatus({ status, headers }: HttpAnswer, reason: string, now: Date): SmsVerdict | undefined {
  if (status === 429) {
    const waitMs = retryAfterMs(headers['retry-after'], now)
    return { kind: 'throttled', errorClass: 'throttled', reason, retryAfterMs: waitMs }
  }
  if (status === 401 || status === 403) return { kind: 'outage', errorClass: 'login_refused', reason }
  if (status === 402) return { kind: 'outage', errorClass: 'account_inactive', reason }
  // Nobody has read the message at the place that was asked.
  if (status >= 300 && status < 400) return { kind: 'outage', errorClass: 'misdirected', reason }
  if (status === 408 || status >= 500) return { kind: 'soft_failure', errorClass: 'server_unavailable', reason }
  return undefined
}

/** Without an answer: whether anything was written decides. */
export function judgeSilence(exchange: Exclude<HttpExchange, HttpAnswer>, host: string): SmsVerdict {
  switch (exchange.kind) {
    case 'untouched':
      return { kind: 'untouched' }
    case 'unreachable':
      return {
        kind: 'soft_failure',
        errorClass: 'unreachable',
        reason: `Cannot reach ${host}: ${exchange.fault.message}`,
      }
    case 'lost':
      return answerLost(`No answer from ${host}: ${exchange.fault.message}`, exchange.fault.code)
    default:
      return assertNever(exchange)
  }
}

/** Handed over, and nobody knows whether it was taken. When it was our own will that ended the waiting the attempt does not count. */
export function answerLost(reason: string, faultCode?: string): SmsVerdict {
  const stopped = faultCode === 'ESTOPPED' ? { retryAfterMs: 0 } : {}
  return { kind: 'ambiguous', errorClass: 'answer_lost', reason, ...stopped }
}

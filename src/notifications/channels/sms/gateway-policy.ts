import type { HttpAnswer } from '../../../runtime/http-exchange.ts'
import type { SmsVerdict } from './driver.ts'
import { answerLost, judgeStatus } from './exchange-policy.ts'

/** What the answer of a gateway that is known by its URL alone means: its status is all that can be read. `said` is the answer in words. */
export function judgeGateway(answer: HttpAnswer, said: string, now: Date): SmsVerdict {
  const reason = `The gateway answered ${said}`
  const common = judgeStatus(answer, reason, now)
  if (common) return common
  if (answer.status >= 400) return { kind: 'hard_failure', errorClass: 'message_refused', reason }
  if (answer.fault) return answerLost(`${reason}, and broke off: ${answer.fault.message}`, answer.fault.code)
  return { kind: 'sent' }
}

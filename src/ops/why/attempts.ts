import type { MessageAttempt } from '../message-history.ts'
import { type Evidence, ordinal } from './explanation.ts'

/** `450 4.2.1 mailbox busy (mailbox_unavailable)`. */
export function answerOf({ reply, errorClass, outcome }: MessageAttempt): string {
  const answer = reply ?? outcome
  return errorClass === null ? answer : `${answer} (${errorClass})`
}

/** An outage or a limit: it says nothing about the message, and is not counted. */
export function isPutOff({ outcome }: MessageAttempt): boolean {
  return outcome === 'outage' || outcome === 'throttled'
}

export function attemptEvidence(history: readonly MessageAttempt[]): Evidence[] {
  return history.map((attempt) => {
    const by = attempt.worker === null ? '' : ` by ${attempt.worker}`
    const counted = isPutOff(attempt) ? ', not counted' : ''
    return {
      at: attempt.endedAt,
      text: `${ordinal(attempt.attempt)}${by}: ${attempt.outcome}${counted}: ${answerOf(attempt)}`,
    }
  })
}

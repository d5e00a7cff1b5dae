import { assertNever } from '../runtime/assert-never.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import type { Outcome, Reasoned } from './outcome.ts'

/** How a claimed row goes on after an attempt. `sending`: handed on to another queue of this database, which tells what comes of it. */
export type Settlement =
  | { readonly status: 'sent' | 'sending' }
  | ({ readonly status: 'failed' | 'skipped' | 'held' } & Reasoned)
  | ({ readonly status: 'pending'; readonly delayMs: number; readonly giveBack: boolean } & Partial<Reasoned>)

export interface AttemptFacts {
  /** Attempts made, this one included: 1 and up. */
  readonly attempt: number
  /** At least 1 counts; the platform may have written 0 or less. */
  readonly maxAttempts: number
  readonly backoff: Backoff
  /** Held for an operator when nobody can know whether the message was taken. */
  readonly holdsAmbiguous: boolean
  /** In [0, 1). */
  readonly random: number
}

/** Decides from an outcome what becomes of the row. An ambiguous one is sent again, under the same Message-ID, unless it is to be held. */
export function settle(outcome: Outcome, facts: AttemptFacts): Settlement {
  switch (outcome.kind) {
    case 'sent':
      return { status: 'sent' }
    case 'hard_failure':
      return { status: 'failed', ...reasonOf(outcome) }
    case 'skipped':
      return { status: outcome.holds ? 'held' : 'skipped', ...reasonOf(outcome) }
    case 'throttled':
    case 'outage':
      return retryUncounted(outcome, outcome.retryAfterMs)
    case 'ambiguous':
      if (facts.holdsAmbiguous) return { status: 'held', ...reasonOf(outcome) }
      return outcome.retryAfterMs === undefined
        ? retryOrFail(outcome, facts)
        : retryUncounted(outcome, outcome.retryAfterMs)
    case 'soft_failure':
      return retryOrFail(outcome, facts)
    default:
      return assertNever(outcome)
  }
}

function retryUncounted(reasoned: Reasoned, delayMs: number): Settlement {
  return { status: 'pending', delayMs, giveBack: true, ...reasonOf(reasoned) }
}

function retryOrFail(reasoned: Reasoned, facts: AttemptFacts): Settlement {
  if (facts.attempt < facts.maxAttempts) {
    return { status: 'pending', delayMs: backoffMs(facts), giveBack: false, ...reasonOf(reasoned) }
  }
  const attempts = facts.attempt === 1 ? 'the only attempt' : `${facts.attempt} attempts`
  return { status: 'failed', errorClass: reasoned.errorClass, reason: `${reasoned.reason} (after ${attempts})` }
}

function reasonOf({ errorClass, reason }: Reasoned): Reasoned {
  return { errorClass, reason }
}

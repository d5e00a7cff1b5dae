import { usageError } from './cli-error.ts'
import { type Moment, momentAfter } from './moments.ts'

export interface DueOptions {
  readonly at?: Moment
  readonly notAfter?: Moment
}

export interface DueTimes {
  /** Null for at once. */
  readonly scheduledAt: Date | null
  readonly notAfter: Date | null
}

/** When a message is due and when it is too late for it, with durations counted from `now` on. */
export function readDueTimes({ at, notAfter }: DueOptions, now: Date): DueTimes {
  const scheduledAt = at === undefined ? null : momentAfter(now, at)
  const end = notAfter === undefined ? null : momentAfter(now, notAfter)
  if (end !== null && end <= (scheduledAt ?? now)) {
    throw usageError(
      `--not-after ${end.toISOString()} is not after ${(scheduledAt ?? now).toISOString()}, when it is due`,
    )
  }
  return { scheduledAt, notAfter: end }
}

/** What has become of the first mails of a replay. */
export interface CanaryFacts {
  readonly delivered: number
  /** Ended otherwise: failed, held, expired, cancelled, deleted. */
  readonly undelivered: number
  /** Waiting, being sent, or waiting for another attempt. */
  readonly undecided: number
  /** Since all of them were put back, and due; negative before. */
  readonly elapsedMs: number
}

export type CanaryVerdict = 'wait' | 'go_on' | 'stop'

/** So many of the first must have been delivered for the rest to follow. */
const leastDelivered = 0.9
/** What has not been delivered by then counts as not delivered. */
export const canaryDeadlineMs = 10 * 60_000

/**
 * What comes of the rest of a replay. Decides as soon as nothing that can still happen would change it. Mails that were not put back at
 * all (somebody had changed them) say nothing; where no mail is left to judge by, there is nothing against going on.
 */
export function judgeCanary({ delivered, undelivered, undecided, elapsedMs }: CanaryFacts): CanaryVerdict {
  const all = delivered + undelivered + undecided
  const enough = Math.ceil(all * leastDelivered)
  if (delivered >= enough) return 'go_on'
  const possible = elapsedMs >= canaryDeadlineMs ? delivered : delivered + undecided
  return possible < enough ? 'stop' : 'wait'
}

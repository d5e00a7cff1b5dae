import { describe, expect, it } from 'vitest'
import { type CountedOutcome, ratesOf } from '../../src/ops/outcome-rates.ts'

const row = (minutesAgo: number, outcome: string, count: number): CountedOutcome => ({
  queue: 'email',
  minutesAgo,
  outcome,
  count,
})

describe('the rates of a queue', () => {
  it('are of as many whole minutes, whatever part of the present one has gone by', () => {
    const steady = Array.from({ length: 61 }, (_, minutesAgo) => row(minutesAgo, 'sent', minutesAgo === 0 ? 15 : 60))
    expect(ratesOf(steady, 15).windows).toEqual([
      { minutes: 1, sent: 60, failed: 0, sentPerMinute: 60, failedShare: 0 },
      { minutes: 15, sent: 900, failed: 0, sentPerMinute: 60, failedShare: 0 },
      { minutes: 60, sent: 3_600, failed: 0, sentPerMinute: 60, failedShare: 0 },
    ])
  })

  it('count as failed what says something about a message, for now or for good', () => {
    const rows = ['soft_failure', 'hard_failure', 'ambiguous', 'expired', 'outage', 'throttled', 'skipped'].map(
      (outcome) => row(5, outcome, 10),
    )
    expect(
      ratesOf([...rows, row(5, 'sent', 60)], 30).windows.map(({ failed, failedShare }) => ({ failed, failedShare })),
    ).toEqual([
      { failed: 0, failedShare: null },
      { failed: 40, failedShare: 0.4 },
      { failed: 40, failedShare: 0.4 },
    ])
  })

  it('list the last 60 minutes, the latest last', () => {
    const { sentByMinute } = ratesOf(
      [row(0, 'sent', 3), row(59, 'sent', 7), row(60, 'sent', 100), row(1, 'expired', 5)],
      0,
    )
    expect(sentByMinute).toHaveLength(60)
    expect([sentByMinute[0], sentByMinute[58], sentByMinute[59]]).toEqual([7, 0, 3])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canaryDeadlineMs, judgeCanary } from '../../../src/ops/replays/canary.ts'

const facts = { delivered: 0, undelivered: 0, undecided: 0, elapsedMs: 1_000 }

describe('the canary of a replay', () => {
  it.each([
    { delivered: 18, undelivered: 2, verdict: 'go_on' },
    { delivered: 17, undelivered: 3, verdict: 'stop' },
    { delivered: 17, undelivered: 2, undecided: 1, verdict: 'wait' },
    { delivered: 17, undelivered: 2, undecided: 1, elapsedMs: canaryDeadlineMs, verdict: 'stop' },
    { delivered: 18, undecided: 2, verdict: 'go_on' },
    { undelivered: 3, undecided: 17, verdict: 'stop' },
    { verdict: 'go_on' },
  ])('with $delivered delivered, $undelivered not and $undecided undecided: $verdict', ({ verdict, ...known }) => {
    expect(judgeCanary({ ...facts, ...known })).toBe(verdict)
  })

  it('never decides against what can still happen, and always by the deadline', () => {
    const count = fc.nat({ max: 50 })
    fc.assert(
      fc.property(count, count, count, (delivered, undelivered, undecided) => {
        const early = judgeCanary({ delivered, undelivered, undecided, elapsedMs: 0 })
        const outcomes = [0, undecided].map((more) =>
          judgeCanary({
            delivered: delivered + more,
            undelivered: undelivered + undecided - more,
            undecided: 0,
            elapsedMs: 0,
          }),
        )
        if (early !== 'wait') expect(new Set(outcomes)).toEqual(new Set([early]))
        expect(judgeCanary({ delivered, undelivered, undecided, elapsedMs: canaryDeadlineMs })).not.toBe('wait')
      }),
    )
  })
})

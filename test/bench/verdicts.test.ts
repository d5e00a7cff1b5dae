import { describe, expect, it } from 'vitest'
import { atLeast, atMost } from '../../bench/report/section.ts'
import { median, quantile } from '../../bench/support/quantiles.ts'

describe('a target', () => {
  it.each([
    [atLeast({ what: 'times', limit: 3, got: 3 }), { reached: true, missedPercent: 0 }],
    [atLeast({ what: 'times', limit: 3, got: 2.4 }), { reached: false, missedPercent: expect.closeTo(20) }],
    [atMost({ what: 'ms', limit: 60, got: 60 }), { reached: true, missedPercent: 0 }],
    [atMost({ what: 'ms', limit: 60, got: 90 }), { reached: false, missedPercent: expect.closeTo(50) }],
  ])('$what: $got where $wanted is wanted', (target, verdict) => {
    expect(target).toMatchObject(verdict)
  })

  it('is not reached by a figure that is none', () => {
    expect(atLeast({ what: 'times', limit: 3, got: Number.NaN }).reached).toBe(false)
    expect(atMost({ what: 'ms', limit: 60, got: Number.NaN }).reached).toBe(false)
  })
})

describe('quantiles', () => {
  it('are by nearest rank, and the median of an even number lies between', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2)
    expect(quantile([4, 1, 3, 2], 0.99)).toBe(4)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([5, 1, 3])).toBe(3)
  })
})

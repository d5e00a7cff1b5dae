import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../src/queue/backoff.ts'
import type { Outcome } from '../../src/queue/outcome.ts'
import { settle } from '../../src/queue/settlement.ts'

const backoff = { firstMs: 120_000, lastMs: 14_400_000 }
const why = { errorClass: 'mailbox_busy', reason: 'busy' }

describe('the backoff', () => {
  it.each([
    { maxAttempts: 3, delays: [120_000, 14_400_000] },
    { maxAttempts: 2, delays: [120_000] },
    { maxAttempts: 4, delays: [120_000, 1_314_534, 14_400_000] },
  ])('spreads $maxAttempts attempts from the first to the last delay', ({ maxAttempts, delays }) => {
    const actual = delays.map((_, index) => backoffMs({ attempt: index + 1, maxAttempts, backoff, random: 0 }))
    expect(actual).toEqual(delays)
  })

  it('never shrinks and never leaves its bounds by more than the jitter', () => {
    const facts = fc.record({
      maxAttempts: fc.integer({ min: 2, max: 50 }),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    })
    fc.assert(
      fc.property(facts, ({ maxAttempts, random }) => {
        const delays = Array.from({ length: maxAttempts - 1 }, (_, index) =>
          backoffMs({ attempt: index + 1, maxAttempts, backoff, random }),
        )
        expect(delays).toEqual([...delays].sort((a, b) => a - b))
        expect(Math.min(...delays)).toBeGreaterThanOrEqual(backoff.firstMs)
        expect(Math.max(...delays)).toBeLessThanOrEqual(backoff.lastMs * 1.2 + 1)
      }),
    )
  })
})

describe('what becomes of a row', () => {
  const facts = { holdsAmbiguous: false, attempt: 1, maxAttempts: 3, backoff, random: 0 }
  const cases: { outcome: Outcome; attempt?: number; maxAttempts?: number; expected: object }[] = [
    { outcome: { kind: 'sent' }, expected: { status: 'sent' } },
    { outcome: { kind: 'hard_failure', ...why }, expected: { status: 'failed', ...why } },
    { outcome: { kind: 'skipped', ...why }, expected: { status: 'skipped', ...why } },
    {
      outcome: { kind: 'soft_failure', ...why },
      expected: { status: 'pending', delayMs: 120_000, giveBack: false, ...why },
    },
    {
      outcome: { kind: 'ambiguous', ...why },
      expected: { status: 'pending', delayMs: 120_000, giveBack: false, ...why },
    },
    {
      outcome: { kind: 'ambiguous', retryAfterMs: 5_000, ...why },
      expected: { status: 'pending', delayMs: 5_000, giveBack: true, ...why },
    },
    {
      outcome: { kind: 'soft_failure', ...why },
      attempt: 2,
      expected: { status: 'pending', delayMs: 14_400_000, giveBack: false, ...why },
    },
    {
      outcome: { kind: 'soft_failure', ...why },
      attempt: 3,
      expected: { status: 'failed', errorClass: 'mailbox_busy', reason: 'busy (after 3 attempts)' },
    },
    {
      outcome: { kind: 'soft_failure', ...why },
      maxAttempts: 0,
      expected: { status: 'failed', errorClass: 'mailbox_busy', reason: 'busy (after the only attempt)' },
    },
    {
      outcome: { kind: 'outage', retryAfterMs: 0, ...why },
      attempt: 3,
      expected: { status: 'pending', delayMs: 0, giveBack: true, ...why },
    },
    {
      outcome: { kind: 'throttled', retryAfterMs: 1_000, ...why },
      attempt: 3,
      expected: { status: 'pending', delayMs: 1_000, giveBack: true, ...why },
    },
  ]
  it.each(cases)(
    '$outcome.kind on attempt $attempt of $maxAttempts',
    ({ outcome, expected, attempt = 1, maxAttempts = 3 }) => {
      expect(settle(outcome, { ...facts, attempt, maxAttempts })).toEqual(expected)
    },
  )

  it('holds what is ambiguous where nobody wants it twice', () => {
    const outcome = { kind: 'ambiguous', ...why } as const
    const held = settle(outcome, { ...facts, attempt: 1, maxAttempts: 3, holdsAmbiguous: true })
    expect(held).toEqual({ status: 'held', ...why })
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Circumstances, decide } from '../../src/subscriptions/policy.ts'
import type { Subscription } from '../../src/subscriptions/subscription.ts'
import { circumstances, type Given, stage, subscription } from './given.ts'

/** `7d due, 24h overtaken | flags | state`, in short. */
function summary(given: Given, changed: Partial<Circumstances> = {}): string {
  const { notices, flags, lifecycleStatus, expiresProject } = decide(subscription(given), {
    ...circumstances,
    ...changed,
  })
  const said = notices.map((notice) => `${notice.stage.name} ${notice.outcome === 'due' ? 'due' : notice.reason}`)
  const states = [lifecycleStatus?.to, expiresProject ? 'project expired' : undefined].filter(
    (word) => word !== undefined,
  )
  return [said.join(', ') || 'nothing', flags.join(' ') || '-', states.join(', ') || '-'].join(' | ')
}

describe('what is due', () => {
  test.each<[string, Given, string]>([
    ['long before the end', { end: 7.1 }, 'nothing | - | -'],
    ['seven days before, to the moment', { end: 7 }, '7d due | 7d | expiring'],
    ['seven days before, told already', { end: 6, told: ['7d'], state: 'expiring' }, 'nothing | - | -'],
    ['a day before', { end: 1, told: ['7d'], state: 'expiring' }, '24h due | 24h | -'],
    [
      'at the end',
      { end: 0, told: ['7d', '24h'], state: 'expiring' },
      'expired due | expired | expired, project expired',
    ],
    [
      'at the end of a portrait',
      { end: 0, told: ['7d', '24h'], state: 'expiring', kind: 'portraits' },
      'expired due | expired | expired',
    ],
    ['at the end of a company', { end: 0, decided: ['7d', '24h'], kind: 'companies' }, 'expired due | - | -'],
    ['after a downtime over two thresholds', { end: 0.5 }, '7d overtaken, 24h due | 7d 24h | expiring'],
    [
      'after a downtime over three',
      { end: -2 },
      '7d overtaken, 24h overtaken, expired due | 7d 24h expired | expired, project expired',
    ],
    [
      'a less urgent one whose flag was taken back',
      { end: 0.5, told: ['24h'], state: 'expiring' },
      '7d overtaken | 7d | -',
    ],
    [
      'one that the ledger knows, flag taken back',
      { end: 0.5, told: ['7d'], decided: ['24h'], state: 'expiring' },
      'nothing | 24h | -',
    ],
    [
      'ended more than 30 days ago',
      { end: -31 },
      '7d long_past, 24h long_past, expired long_past, suspended due | 7d 24h expired | suspended, project expired',
    ],
    [
      'ended more than 44 days ago',
      { end: -45, told: ['7d', '24h', 'expired'], state: 'expired', status: 'expired' },
      'suspended long_past | - | suspended',
    ],
    [
      'the grace period is over',
      { end: -14, told: ['7d', '24h', 'expired'], state: 'expired', status: 'expired' },
      'suspended due | - | suspended',
    ],
    [
      'the grace period is over, the ledger knows',
      { end: -14, told: ['7d', '24h', 'expired'], decided: ['suspended'], state: 'expired', status: 'expired' },
      'nothing | - | suspended',
    ],
    ['a state that somebody else gave', { end: 5, told: ['7d'], state: 'suspended' }, 'nothing | - | -'],
    ['a state that nobody knows', { end: 5, state: 'frozen' }, '7d due | 7d | -'],
    ['no state counts as active', { end: 5, told: ['7d'], state: null }, 'nothing | - | expiring'],
    ['ended by hand before its time', { end: 5, status: 'expired' }, 'nothing | - | -'],
    [
      'ended by hand, and its time has come',
      { end: -1, status: 'expired' },
      '7d overtaken, 24h overtaken, expired due | 7d 24h expired | expired',
    ],
    ['a project that is warned three days before', { end: 5, warnDays: 3 }, 'nothing | - | -'],
    ['a project that is warned 30 days before', { end: 29, warnDays: 30 }, '7d due | 7d | expiring'],
    ['a project that is warned a day before', { end: 1, warnDays: 1 }, '7d overtaken, 24h due | 7d 24h | expiring'],
  ])('%s', (_, given, expected) => {
    expect(summary(given)).toBe(expected)
  })

  test('stages without a flag are known to the ledger alone', () => {
    const stages = {
      ...circumstances.stages,
      chain: [stage('30d', 30), ...circumstances.stages.chain, stage('3d_after', -3)],
    }
    expect(summary({ end: 20 }, { stages })).toBe('30d due | - | -')
    expect(summary({ end: 20, decided: ['30d'] }, { stages })).toBe('nothing | - | -')
    expect(summary({ end: 6 }, { stages })).toBe('30d overtaken, 7d due | 7d | expiring')
    expect(
      summary(
        { end: -3, told: ['7d', '24h', 'expired'], decided: ['30d'], state: 'expired', status: 'expired' },
        { stages },
      ),
    ).toBe('3d_after due | - | -')
    expect(
      summary({ end: -34, told: ['7d', '24h', 'expired'], state: 'suspended', status: 'expired' }, { stages }),
    ).toBe('nothing | - | -')
  })

  test('a baseline announces nothing and moves the states', () => {
    expect(summary({ end: -20 }, { baseline: true })).toBe(
      '7d baseline, 24h baseline, expired baseline, suspended baseline | 7d 24h expired | suspended, project expired',
    )
  })
})

test('a notice holds until its next stage, the last one as long as somebody would be told', () => {
  const notAfter = (given: Given) =>
    decide(subscription(given), circumstances).notices.map((notice) =>
      notice.outcome === 'due' ? notice.notAfter?.toISOString() : null,
    )
  expect(notAfter({ end: 7 })).toEqual(['2026-03-16T12:00:00.000Z'])
  expect(notAfter({ end: 1, told: ['7d'] })).toEqual(['2026-03-11T12:00:00.000Z'])
  expect(notAfter({ end: 0, told: ['7d', '24h'] })).toEqual(['2026-04-09T12:00:00.000Z'])
})

test('decided again, nothing is left to do, and never is more than one stage announced', () => {
  const days = fc.integer({ min: -80 * 24, max: 40 * 24 }).map((hours) => hours / 24)
  const someStages = fc.subarray(['7d', '24h', 'expired', 'suspended'])
  const states = fc.constantFrom(null, 'active', 'expiring', 'expired', 'suspended', 'frozen')
  fc.assert(
    fc.property(
      days,
      someStages,
      someStages,
      states,
      fc.integer({ min: 0, max: 60 }),
      (end, told, decided, state, warnDays) => {
        const given = subscription({ end, told, decided, state, warnDays })
        const decision = decide(given, circumstances)
        expect(
          decision.notices.filter(({ stage, outcome }) => outcome === 'due' && stage.name !== 'suspended').length,
        ).toBeLessThanOrEqual(1)
        const after: Subscription = {
          ...given,
          flags: given.flags && { ...given.flags, ...Object.fromEntries(decision.flags.map((flag) => [flag, true])) },
          states: given.states && {
            lifecycleStatus: decision.lifecycleStatus?.to ?? given.states.lifecycleStatus,
            status: decision.expiresProject ? 'expired' : given.states.status,
          },
          decided: [...given.decided, ...decision.notices.map(({ stage }) => stage.name)],
        }
        expect(decide(after, circumstances)).toEqual({
          notices: [],
          flags: [],
          lifecycleStatus: null,
          expiresProject: false,
        })
      },
    ),
    { numRuns: 2_000 },
  )
})

import { describe, expect, test } from 'vitest'
import type { Circumstances } from '../../src/subscriptions/policy.ts'
import type { SweepSettings } from '../../src/subscriptions/settings.ts'
import { type Message, type Step, stepsOf } from '../../src/subscriptions/step.ts'
import type { Subscription } from '../../src/subscriptions/subscription.ts'
import { circumstances, stage, subscription } from './given.ts'

const settings: SweepSettings = {
  defaultLocale: 'ru',
  defaultTimeZone: 'Europe/Moscow',
  hours: { opens: '09:00', closes: '20:00' },
  longPastDays: 30,
  maxChanges: 1_000,
  maxPercent: 5,
  admin: { email: undefined, telegramChatId: '99' },
}

function stepOf(...[given, ...rest]: [Subscription, Circumstances, SweepSettings]): Step {
  const [step] = stepsOf([given], ...rest)
  if (step === undefined) throw new Error('no step')
  return step
}

/** What is done about a subscription that ends at one time, as it is at another. */
function stepAt(now: string, end: string, changed: Partial<Subscription> = {}): Step {
  const endsAt = new Date(end)
  const warnAt = new Date(endsAt.getTime() - 7 * 24 * 60 * 60 * 1_000)
  const given = { ...subscription({ end: 0 }), endsAt, warnAt, end, ...changed }
  return stepOf(given, { ...circumstances, now: new Date(now) }, settings)
}

/** `stage outcome`, when it leaves (`now` for at once) and until when it may. */
function summary({ notices }: Step): string[] {
  return notices.map(({ stage, outcome, reason, messages }) =>
    [
      stage,
      reason ?? outcome,
      ...messages.slice(0, 1).map(({ scheduledAt }) => scheduledAt?.toISOString().slice(0, 16) ?? 'now'),
    ].join(' '),
  )
}

function messages(step: Step): readonly Message[] {
  return step.notices.flatMap((notice) => notice.messages)
}

const told = { '7d': true, '24h': false, expired: false }

describe('when a notice leaves', () => {
  // Moscow is three hours ahead of UTC: open from 06:00 to 17:00.
  test.each<[string, { now: string; end: string; flags?: typeof told; zone?: string }, string[]]>([
    ['at once while sending is open', { now: '2026-03-02T09:00Z', end: '2026-03-09T09:00Z' }, ['7d sent now']],
    [
      'at the next opening, in the morning',
      { now: '2026-03-02T03:00Z', end: '2026-03-09T03:00Z' },
      ['7d sent 2026-03-02T06:00'],
    ],
    [
      'at the next opening, in the evening',
      { now: '2026-03-02T17:00Z', end: '2026-03-09T17:00Z' },
      ['7d sent 2026-03-03T06:00'],
    ],
    [
      'a day before, at once while it is open',
      { now: '2026-03-02T09:00Z', end: '2026-03-03T09:00Z', flags: told },
      ['24h sent now'],
    ],
    [
      'a day before, at the last opening before the end',
      { now: '2026-03-02T19:00Z', end: '2026-03-03T19:00Z', flags: told },
      ['24h sent 2026-03-03T06:00'],
    ],
    [
      'a day before, at once where no opening is left',
      { now: '2026-03-02T20:00Z', end: '2026-03-03T05:00Z', flags: told },
      ['24h sent now'],
    ],
    [
      'seven days before, never, where the next stage comes first',
      { now: '2026-03-02T20:00Z', end: '2026-03-04T05:00Z' },
      ['7d no_opening'],
    ],
    [
      'by the clock where the company is',
      { now: '2026-03-02T20:00Z', end: '2026-03-09T20:00Z', zone: 'Asia/Vladivostok' },
      ['7d sent 2026-03-02T23:00'],
    ],
    [
      'by the clock of half an hour',
      { now: '2026-03-02T20:00Z', end: '2026-03-09T20:00Z', zone: 'Asia/Kolkata' },
      ['7d sent 2026-03-03T03:30'],
    ],
    [
      'by the default clock where nobody knows the zone',
      { now: '2026-03-02T17:00Z', end: '2026-03-09T17:00Z', zone: 'Mars/Base' },
      ['7d sent 2026-03-03T06:00'],
    ],
  ])('%s', (_, { now, end, flags, zone = null }, expected) => {
    const { company } = subscription({ end: 0 })
    const changed = { company: { ...company, timezone: zone }, ...(flags && { flags }) }
    expect(summary(stepAt(now, end, changed))).toEqual(expected)
  })

  test('those of one company, stage and local day share a group', () => {
    const [message] = messages(stepAt('2026-03-02T22:00Z', '2026-03-09T22:00Z'))
    expect(message?.groupId).toBe('7d:1:2026-03-03')
  })

  test('days are counted by the calendar of the day on which it leaves', () => {
    const [message] = messages(stepAt('2026-03-02T19:00Z', '2026-03-09T19:00Z'))
    expect(message?.data).toMatchObject({ days_left: 6 })
  })
})

describe('who is told', () => {
  const end = ['2026-03-02T09:00Z', '2026-03-09T09:00Z'] as const
  const { company } = subscription({ end: 0 })
  const to = (step: Step) => messages(step).map(({ channel, recipient }) => `${channel} ${recipient}`)
  const both = {
    chain: [{ ...stage('7d', 7), channels: ['email', 'telegram', 'system'] as const }],
    suspension: stage('suspended', -14),
  }
  const tell = (changed: Partial<Subscription>) =>
    stepOf({ ...subscription({ end: 7 }), ...changed }, { ...circumstances, stages: both }, settings)

  test('the company, by each channel that the stage and it have', () => {
    expect(to(stepAt(...end))).toEqual(['email a@acme.example'])
    expect(to(tell({ company: { ...company, telegram: '7001' } }))).toEqual([
      'email a@acme.example',
      'telegram 7001',
      'system null',
    ])
  })

  test("a portrait's client, who has e-mail, alone", () => {
    const step = tell({ entityType: 'portraits', clientEmail: 'ann@example.org' })
    expect(to(step)).toEqual(['email ann@example.org'])
    expect(messages(step)[0]?.data).toMatchObject({ to: 'ann@example.org', fallback: [] })
  })

  test('nobody, and that is written down', () => {
    expect(summary(stepAt(...end, { company: { ...company, email: null } }))).toEqual(['7d nobody_to_tell'])
  })

  test('the administrator of a suspension, in place of the company', () => {
    const given = { ...subscription({ end: -14, told: ['7d', '24h', 'expired'], state: 'expired', status: 'expired' }) }
    const stages = {
      ...circumstances.stages,
      suspension: { ...stage('suspended', -14), channels: ['email', 'telegram'] as const },
    }
    const step = stepOf(given, { ...circumstances, stages }, settings)
    expect(to(step)).toEqual(['telegram 99'])
    expect(messages(step)[0]).toMatchObject({
      companyId: null,
      data: { chat_id: '99' },
      groupId: 'suspended:2026-03-10',
      scheduledAt: null,
    })
    const nobody = stepOf(
      given,
      { ...circumstances, stages },
      { ...settings, admin: { email: undefined, telegramChatId: undefined } },
    )
    expect(summary(nobody)).toEqual(['suspended no_administrator'])
  })
})

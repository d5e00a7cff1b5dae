import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { screenOf } from '../../src/cli/screen.ts'
import { answerPlan, renderPlan } from '../../src/cli/sweep/plan.ts'
import type {
  PlannedMessage,
  PlannedNotice,
  PlannedStep,
  SweepCounts,
  SweepPlan,
} from '../../src/subscriptions/sweep-result.ts'

const pipe = screenOf({}, {})
const now = new Date('2026-12-16T15:00:00Z')
const view = { now, baseline: false }
const none: SweepCounts = { notices: 0, superseded: 0, skipped: 0, states: 0, recorded: 0 }

function stepOf(step: Partial<PlannedStep> = {}): PlannedStep {
  return {
    ...{ entityType: 'projects', entityId: 17, entityName: 'Ночь музеев', companyId: 3, companyName: 'Музей' },
    ...{ endsAt: new Date('2026-12-23T15:00:00Z'), notices: [] },
    ...{ lifecycleStatus: null, expiresProject: false },
    ...step,
  }
}

function noticeOf(notice: Partial<PlannedNotice> = {}): PlannedNotice {
  return { stage: '7d', outcome: 'sent', reason: null, supersededBy: null, messages: [messageOf()], ...notice }
}

function messageOf(message: Partial<PlannedMessage> = {}): PlannedMessage {
  return {
    ...{
      channel: 'email',
      recipient: 'a@example.org',
      subject: 'Подписка заканчивается',
      timezone: 'Europe/Moscow',
      groupId: '7d:3:2026-12-16',
    },
    ...{ scheduledAt: new Date('2026-12-17T06:00:00Z'), notAfter: new Date('2026-12-22T15:00:00Z') },
    ...message,
  }
}

function planOf(steps: readonly PlannedStep[], plan: Partial<SweepPlan> = {}): SweepPlan {
  return { at: now, steps, counts: none, changes: steps.length, limit: 1000, ...plan }
}

const untold = (
  outcome: PlannedNotice['outcome'],
  reason: PlannedNotice['reason'],
  more: Partial<PlannedNotice> = {},
) => noticeOf({ outcome, reason, messages: [], ...more })

describe('the plan of a sweep', () => {
  it('says who gets what, why others get nothing, what changes, and how much that is', () => {
    const telegram = messageOf({ channel: 'telegram', recipient: '-100777' })
    const steps = [
      stepOf({
        notices: [noticeOf({ messages: [messageOf(), telegram] })],
        lifecycleStatus: { from: 'active', to: 'expiring' },
      }),
      stepOf({
        ...{ entityId: 18, entityName: 'Каталог', companyId: 4, companyName: 'Завод' },
        notices: [
          untold('superseded', 'overtaken', { supersededBy: 'expired' }),
          noticeOf({
            stage: 'expired',
            messages: [messageOf({ timezone: 'Asia/Vladivostok', scheduledAt: new Date('2026-12-16T23:00:00Z') })],
          }),
        ],
        lifecycleStatus: { from: 'expiring', to: 'expired' },
        expiresProject: true,
      }),
      stepOf({
        entityType: 'portraits',
        entityId: 5,
        entityName: 'p.jpg',
        notices: [untold('skipped', 'nobody_to_tell')],
      }),
    ]
    const counts = { notices: 2, superseded: 1, skipped: 1, states: 3, recorded: 1 }
    expect(renderPlan(planOf(steps, { counts, changes: 8 }), view, pipe).split('\n')).toEqual([
      'A sweep would, at 2026-12-16 15:00:00 UTC (now):',
      '',
      'WHEN (UTC)                                            COMPANY  WHAT                      STAGE    TO                                     SUBJECT',
      '2026-12-16 23:00 (2026-12-17 09:00 Asia/Vladivostok)  Завод    project 18 (Каталог)      expired  email a@example.org                    Подписка заканчивается',
      '2026-12-17 06:00 (09:00 Europe/Moscow)                Музей    project 17 (Ночь музеев)  7d       email a@example.org, telegram -100777  Подписка заканчивается',
      '',
      'NOTICES  WHY NOBODY IS TOLD                            WHICH',
      '      1  a more urgent notice overtakes it             project 18 (Каталог) 7d by expired',
      '      1  there is nobody to tell: no address, no chat  portrait 5 (p.jpg) 7d',
      '',
      'CHANGES  OF STATE                                                          WHICH',
      '      1  projects.lifecycle_status: active → expiring                      project 17 (Ночь музеев)',
      '      1  projects.lifecycle_status: expiring → expired                     project 18 (Каталог)',
      '      1  projects.status: active → expired, and their AR content inactive  project 18 (Каталог)',
      '',
      'Altogether 8 changes: 2 notices, 1 superseded, 1 with nobody to tell, 3 changes of state, 1 order recorded. 1,000 are allowed at once.',
      '',
    ])
  })

  it('has one line for what the same people are told at once, and a line each for others', () => {
    const portrait = (entityId: number, message: Partial<PlannedMessage> = {}) =>
      stepOf({
        entityType: 'portraits',
        entityId,
        entityName: `${entityId}.jpg`,
        notices: [noticeOf({ messages: [messageOf(message)] })],
      })
    const steps = [
      ...Array.from({ length: 500 }, (_, index) =>
        portrait(index + 1, { subject: index < 499 ? 'Портрет' : 'Портреты' }),
      ),
      portrait(501, { recipient: 'client@example.org', scheduledAt: null }),
      stepOf({ notices: [noticeOf()] }),
    ]
    const text = renderPlan(planOf(steps), view, pipe)
    expect(text.match(/portrait.*$/gm)).toEqual([
      expect.stringMatching(/^portrait 501 \(501\.jpg\) +7d +email client@example\.org /),
      expect.stringMatching(
        /^portraits \(1, 2, 3 and 497 more\), project 17 \(Ночь музеев\) +7d +email a@example\.org +Портрет \(and 2 others\)$/,
      ),
    ])
    expect(text).toMatch(/^at once .*501/m)
  })

  it('cuts what is long, and says so', () => {
    const steps = Array.from({ length: 25 }, (_, index) =>
      stepOf({
        companyId: index,
        companyName: `Company ${index}`,
        entityId: index,
        notices: [noticeOf(), untold('skipped', 'nobody_to_tell')],
      }),
    )
    const text = renderPlan(planOf(steps), view, pipe)
    expect(text.match(/^2026.*$/gm)).toHaveLength(20)
    expect(text).toContain('\n… and 5 more messages (--json has all)\n')
    expect(text).toMatch(/^ +25 {2}there is nobody.*project 0 \(.*project 2 \(Ночь музеев\) 7d, and 22 more$/m)
  })

  it('fits a terminal, and shows what came from the database as nothing to obey', () => {
    const steps = [
      stepOf({ entityName: '\u001b[2Jx'.repeat(40), notices: [noticeOf(), untold('skipped', 'nobody_to_tell')] }),
    ]
    const text = renderPlan(planOf(steps), view, screenOf({ isTTY: true, columns: 100 }, { NO_COLOR: '1' }))
    expect(text).not.toContain('\u001b')
    const tables = text.split('\n').filter((line) => /^(2026| +1 )/.test(line))
    expect(tables).toHaveLength(2)
    for (const line of tables) expect(stringWidth(line)).toBeLessThanOrEqual(100)
  })

  it('is one sentence where nothing is due', () => {
    const later = new Date('2026-12-18T15:00:00Z')
    expect(renderPlan(planOf([]), view, pipe)).toBe('Nothing is due at 2026-12-16 15:00:00 UTC (now).\n')
    expect(renderPlan(planOf([], { at: later }), { now, baseline: true }, pipe)).toBe(
      'Nothing is past at 2026-12-18 15:00:00 UTC (in 2 d).\n',
    )
  })

  it('says that the flood guard would stop it, and how to allow it', () => {
    const of = (changes: number, baseline = false) =>
      answerPlan(planOf([], { counts: { ...none, notices: changes }, changes }), { now, baseline })
    expect(of(1001).document).toMatchObject({ blocked: true, changes: 1001, limit: 1000 })
    expect(of(1001).text(pipe)).toMatch(
      /Altogether 1,001 changes: 1,001 notices\.\nThe flood guard stops this: only 1,000 are allowed at once\. Allow it once with: fleet sweep --max 1001\n$/,
    )
    expect(of(1000).document).toMatchObject({ blocked: false })
    expect(of(1000).text(pipe)).toMatch(/: 1,000 notices\. 1,000 are allowed at once\.\n$/)
    expect(of(1001, true).document).toMatchObject({ blocked: false, baseline: true })
    expect(of(1001, true).text(pipe)).toMatch(/: 1,001 notices\.\n$/)
  })
})

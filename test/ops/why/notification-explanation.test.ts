import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { countAhead } from '../../../src/ops/why/ahead.ts'
import {
  explainNotification,
  type NotificationState,
  notificationStates,
} from '../../../src/ops/why/notification-explanation.ts'
import { readNotificationFacts } from '../../../src/ops/why/notification-facts.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createScriptedWay, createTestDrains } from '../../support/notification-drains.ts'
import { plansOf } from '../plans.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query(`
    TRUNCATE notifications, email_queue, fleet.notification_attempts, fleet.notification_handovers, fleet.workers, fleet.pauses, audit_log RESTART IDENTITY CASCADE;
    UPDATE fleet.channels SET paused_until = NULL, reason = NULL;
    UPDATE companies SET quiet_from = NULL, quiet_until = NULL`),
)

const alive = (columns = '', values = '') => `
  INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, connections, shutdown_seconds${columns})
  VALUES ('notifications@a:1', 'notifications', 'a', 1, '0', '0', now(), 5, 15${values});`
const notice = (columns = '', values = '') =>
  `INSERT INTO notifications (type, company_id, event_data, message${columns}) VALUES ('telegram', 1, '{"chat_id": "77"}', 'm'${values});`

async function why(id = 1) {
  const facts = await readNotificationFacts(database.db, id)
  if (facts === undefined) throw new Error('no such notification')
  return explainNotification(facts)
}

const seen = new Set<NotificationState>()
async function expectWhy(
  state: NotificationState,
  sentence: RegExp,
  { id = 1, remedy }: { id?: number; remedy?: RegExp } = {},
) {
  const explanation = await why(id)
  expect(explanation).toMatchObject({ state, sentence: expect.stringMatching(sentence) })
  if (remedy !== undefined) expect(explanation.remedy).toMatch(remedy)
  seen.add(state)
  return explanation
}

describe('a notification, by what is written about it', () => {
  it.each<[NotificationState, string, RegExp, { id?: number; remedy?: RegExp }?]>([
    [
      'scheduled',
      notice(', scheduled_at', `, fleet.utc_now() + interval '61 minutes 5 seconds'`),
      /^Waiting: scheduled for .* \(in 61 min\)\.$/,
    ],
    [
      'paused',
      `${alive()}INSERT INTO fleet.pauses (queue, reason, paused_by) VALUES ('notifications', 'moving', 'ann@host');${notice()}`,
      /but notifications is paused since .*, by ann@host: moving\.$/,
      { remedy: /^fleet queue resume notifications$/ },
    ],
    ['no_worker', notice(), /but no worker for telegram is alive\.$/, { remedy: /^start one/ }],
    [
      'blocked',
      alive(', blocked', `, 'a copy'`) + notice(),
      /but no worker may send: a copy\.$/,
      { remedy: /adopt-database/ },
    ],
    ['outage', alive(', outage_since, outage_reason', `, now(), 'down'`) + notice(), /takes nothing since .*: down\.$/],
    [
      'channel_waits',
      `${alive()}UPDATE fleet.channels SET paused_until = now() + interval '1 hour', reason = '429 slow down' WHERE name = 'telegram';${notice()}`,
      /but telegram takes nothing until .*: 429 slow down\.$/,
      { remedy: /goes on by itself/ },
    ],
    [
      'behind_in_chat',
      `${alive()}${notice()}${notice()}`,
      /behind notification 1 in its chat/,
      { id: 2, remedy: /notification why 1$/ },
    ],
    [
      'in_group',
      `${alive()}INSERT INTO notifications (type, company_id, event_data, message, group_id) VALUES ('email', 1, '{"to": "a@b.org"}', 'm', 'g'), ('email', 1, '{"to": "a@b.org"}', 'm', 'g')`,
      /with notification 1 of its group "g"\.$/,
      { id: 2, remedy: /why 1$/ },
    ],
    [
      'behind',
      `${alive()}INSERT INTO notifications (type, company_id, event_data, message) VALUES ('telegram', 1, '{"chat_id": 78}', 'm');${notice()}`,
      /behind 1 that is more urgent or has waited longer\.$/,
      { id: 2 },
    ],
    ['next', alive() + notice(), /taken as soon as a worker is free\.$/],
    [
      'next',
      `${alive()}INSERT INTO fleet.pauses (queue, reason, paused_by) VALUES ('email', 'a pause of mail alone', 'ann@host');
       INSERT INTO notifications (type, company_id, event_data, message) VALUES ('email', 1, '{"to": "a@b.org"}', 'm')`,
      /taken as soon as a worker is free\.$/,
    ],
    [
      'in_digest',
      `${notice(', digest_size', ', 2')}${notice(', digest_of', ', 1')}`,
      /^Goes out with notification 1, which is pending/,
      { id: 2, remedy: /why 1$/ },
    ],
    [
      'stranded',
      `${notice()}UPDATE notifications SET status = 'sending', claimed_by = 'notifications@gone:9', leased_until = now() - interval '1 minute'`,
      /^In the hands of notifications@gone:9, whose lease ran out/,
    ],
    ['expired', `${notice()}UPDATE notifications SET status = 'expired'`, /^Expired at /],
    [
      'cancelled',
      `${notice()}UPDATE notifications SET event_data = event_data || '{"notice": "lifecycle:1"}', status = 'cancelled'`,
      /^Cancelled at .* by a program, or by the fleet as the subscription/,
    ],
    [
      'cancelled',
      `${notice()}UPDATE notifications SET status = 'cancelled';INSERT INTO audit_log (entity_type, entity_id, action, actor_email) VALUES ('notifications', 1, 'cancel', 'ann@host')`,
      /^Cancelled at .* by ann@host\.$/,
    ],
    [
      'held',
      `${notice()}UPDATE notifications SET status = 'held', error_class = 'answer_lost'`,
      /never came/,
      { remedy: /release --id 1/ },
    ],
    ['foreign', `${notice()}UPDATE notifications SET status = 'read'`, /its status is "read"/],
  ])('is %s', async (state, setUp, sentence, more) => {
    await database.pool.query(setUp)
    await expectWhy(state, sentence, more)
  })
})

describe('a notification, by what a worker has done with it', () => {
  async function run(answer: Parameters<typeof createScriptedWay>[0], options = {}) {
    const { way } = createScriptedWay(answer)
    const drains = createTestDrains(database, { ways: { telegram: way }, ...options })
    await drains.run()
    // What is in hand is recorded by then.
    await drains.stop()
  }
  const told = (outcome: object) => async () => ({ outcome, reply: 'said so' }) as never

  it('waits for the morning of its company', async () => {
    await database.pool.query(
      `UPDATE companies SET quiet_from = (fleet.utc_now() - interval '1 hour')::time, quiet_until = (fleet.utc_now() + interval '2 hours')::time, timezone = 'UTC' WHERE id = 1;${notice()}`,
    )
    await run(told({ kind: 'sent' }))
    await expectWhy(
      'quiet_hours',
      /^Waiting for the morning: its company is not to be disturbed from \d\d:\d\d to \d\d:\d\d in UTC; due at /,
    )
  })

  it('is sent', async () => {
    await database.pool.query(notice())
    await run(told({ kind: 'sent' }))
    await expectWhy('sent', /^Sent through telegram to 77 at .*: said so\.$/)
  })

  it('is to be tried again', async () => {
    await database.pool.query(notice())
    await run(told({ kind: 'soft_failure', errorClass: 'server_unavailable', reason: '502' }))
    await expectWhy(
      'to_be_tried_again',
      /^Waiting: due at .*, attempt 2 of 3; the first failed at .*: said so \(server_unavailable\)\.$/,
    )
  })

  it('has failed, and another one stands in for it', async () => {
    await database.pool.query(notice())
    await run(told({ kind: 'hard_failure', errorClass: 'bot_blocked', reason: '403 blocked' }))
    await expectWhy('failed', /^Failed at .*, bot_blocked: 403 blocked\./, { remedy: /replay --id 1$/ })
    await database.pool.query(
      `INSERT INTO notifications (type, company_id, message, fallback_of) VALUES ('email', 1, 'm', 1)`,
    )
    expect((await why()).sentence).toMatch(/Notification 2 \(email, pending\) stands in for it\./)
    expect((await why(2)).sentence).toMatch(/It stands in for notification 1 \(telegram, failed\)\.$/)
  })

  it('is skipped', async () => {
    await database.pool.query(notice())
    await run(told({ kind: 'skipped', errorClass: 'not_configured', reason: 'There is no bot' }))
    await expectWhy('skipped', /^Skipped at .*, not_configured: There is no bot\./)
  })

  it('is being sent', async () => {
    await database.pool.query(notice())
    const { promise, resolve } = Promise.withResolvers<never>()
    const { way } = createScriptedWay(() => promise)
    const drains = createTestDrains(database, { ways: { telegram: way } })
    const pass = drains.run()
    await expect.poll(async () => (await why()).state).toBe('sending')
    await expectWhy('sending', /^Being sent by test since .*UTC \(.*\)/)
    resolve({ outcome: { kind: 'sent' } } as never)
    await pass
    await drains.stop()
  })

  it('is a mail by now', async () => {
    await database.pool.query(
      `INSERT INTO notifications (type, company_id, event_data, message) VALUES ('email', 1, '{"to": "a@b.org"}', 'm')`,
    )
    const drains = createTestDrains(database)
    await drains.run()
    await drains.stop()
    await expectWhy('as_mail', /^It became mail 1\. Waiting: due since .*no worker for email is alive/, {
      remedy: /^start one/,
    })
  })
})

it('what goes before a notification is counted by the index', async () => {
  await database.pool.query(`
    INSERT INTO notifications (type, company_id, message, status) SELECT 'system', 1, 'm', 'sent' FROM generate_series(1, 20000);
    INSERT INTO notifications (type, company_id, message, event_data) SELECT 'telegram', 1, 'm', jsonb_build_object('chat_id', n) FROM generate_series(1, 300) AS n`)
  await database.pool.query('VACUUM ANALYZE notifications')
  const { rows } = await database.pool.query<{ id: number }>(`SELECT max(id) AS id FROM notifications`)
  const plans = await plansOf(database.url, (db) => countAhead(db, 'notifications', rows[0]?.id ?? 0), /AS ahead/)
  expect(plans).toHaveLength(1)
  for (const { text, pages } of plans) {
    expect(text).not.toMatch(/Seq Scan on (public\.)?notifications/)
    expect(pages, text).toBeLessThan(100)
  }
})

it('every state has been met', () => expect([...seen].sort()).toEqual([...notificationStates].sort()))

import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import {
  explainSubscription,
  type SubscriptionState,
  subscriptionStates,
} from '../../../src/ops/why/subscription-explanation.ts'
import { readSubscriptionFacts, type SubscriptionKind } from '../../../src/ops/why/subscription-facts.ts'
import { sweepSettings } from '../../../src/subscriptions/settings.ts'
import { sweep } from '../../../src/subscriptions/sweep.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const settings = sweepSettings(loadConfig({ env: { NOTICE_HOURS: '00:00-23:59' }, root: '/nowhere' }))

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await database.pool.query(`
    INSERT INTO companies (id, name, slug, contact_email, is_active) VALUES (11, 'Museum', 'museum', 'office@museum.example', true), (12, 'Closed', 'closed', 'x@closed.example', false);
    INSERT INTO projects (id, company_id, name, slug, status, subscription_end) VALUES
      (1, 11, 'Endless', 'p1', 'active', NULL),
      (2, 12, 'Asleep', 'p2', 'active', now() + interval '3 days'),
      (3, 11, 'Shelved', 'p3', 'archived', now() + interval '3 days'),
      (4, 11, 'Soon', 'p4', 'active', fleet.utc_now() + interval '3 days 1 minute'),
      (5, 11, 'Later', 'p5', 'active', fleet.utc_now() + interval '30 days 1 minute'),
      (6, 11, 'Long gone', 'p6', 'active', fleet.utc_now() - interval '20 days');
    INSERT INTO portraits (id, company_id, file_path, public_url, subscription_end) VALUES (1, 11, '/a/face.jpg', 'u', fleet.utc_now() + interval '3 days')`)
})
afterAll(() => database.drop())

async function why(id: number, kind: SubscriptionKind = 'projects') {
  const facts = await readSubscriptionFacts(database.db, settings, { kind, id })
  if (facts === undefined) throw new Error('there is none')
  return explainSubscription(facts)
}

const seen = new Set<SubscriptionState>()

describe('a subscription', () => {
  it.each<[number, SubscriptionState, RegExp]>([
    [1, 'no_end', /^Project 1 \(Endless\) of Museum has no end/],
    [2, 'company_inactive', /^Project 2 \(Asleep\) of Closed ends at .* \(in \d d\); its company is not active/],
    [3, 'left_alone', /its status is "archived", and the sweep leaves such alone\.$/],
    [
      4,
      'no_worker',
      /; the next sweep deals with 7d to email office@museum\.example, but no lifecycle worker is alive that would begin one \(none has run yet\)\.$/,
    ],
    [
      5,
      'waiting',
      /; nobody has been told of that end yet; next at .* \(in 23 d\): 7d to email office@museum\.example\.$/,
    ],
  ])('of project %i is %s', async (id, state, sentence) => {
    const explanation = await why(id)
    expect(explanation).toMatchObject({ state, sentence: expect.stringMatching(sentence) })
    seen.add(explanation.state)
  })

  it('that is due waits for the next sweep', async () => {
    await database.pool.query(`
      INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, connections, shutdown_seconds)
      VALUES ('lifecycle@a:1', 'lifecycle', 'a', 1, '0', '0', now(), 5, 15);
      SELECT pgboss.create_queue('lifecycle.sweep', '{"policy": "short"}');
      INSERT INTO pgboss.schedule (name, cron) VALUES ('lifecycle.sweep', '*/5 * * * *')`)
    const { state, sentence } = await why(4)
    expect(sentence).toMatch(
      /; the next sweep, at .* \(in .*\), deals with 7d to email office@museum\.example \(none has run yet\)\.$/,
    )
    seen.add(state)
  })

  it('that is due, while the last sweep was stopped, says so', async () => {
    await database.pool.query(`INSERT INTO fleet.sweeps (worker, kind, outcome) VALUES ('test', 'sweep', 'blocked')`)
    const { state, sentence, remedy } = await why(4)
    expect(sentence).toMatch(
      /; due now is 7d to email office@museum\.example, but the last sweep, at .*, was stopped before it changed anything/,
    )
    expect(remedy).toMatch(/fleet sweep --max/)
    seen.add(state)
  })

  it('that was swept says who was told, who was not and why, and what comes next', async () => {
    const log = pino({ level: 'silent' })
    await sweep({ db: database.db, settings, worker: 'test', signal: new AbortController().signal, log })
    const soon = await why(4)
    expect(soon).toMatchObject({
      state: 'waiting',
      sentence: expect.stringMatching(/; 7d sent; next at .* \(in 2 d\): 24h to email office@museum\.example\.$/),
      evidence: [{ text: expect.stringMatching(/^7d for the end at .*: sent: email \d+ pending$/) }],
    })
    const gone = await why(6)
    expect(gone).toMatchObject({ state: 'all_told' })
    expect(gone.sentence).toMatch(
      /7d superseded \(overtaken\), 24h superseded \(overtaken\), expired sent, suspended .*, and nothing more comes\.$/,
    )
    seen.add(gone.state)
    expect(await why(1, 'portraits')).toMatchObject({
      sentence: expect.stringMatching(/^Portrait 1 \(face\.jpg\) of Museum ends at /),
    })
  })

  it('is met in every state', () => expect([...seen].sort()).toEqual([...subscriptionStates].sort()))

  it('of an unknown id is none', async () => {
    expect(await readSubscriptionFacts(database.db, settings, { kind: 'portraits', id: 99 })).toBeUndefined()
  })
})

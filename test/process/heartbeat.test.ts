import { pino } from 'pino'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { listLiveWorkers, listWorkers } from '../../src/ops/live-workers.ts'
import { startHeartbeat } from '../../src/process/heartbeat.ts'
import { addOutcomes, forgetOldVitals } from '../../src/process/heartbeat-store.ts'
import { Vitals } from '../../src/runtime/vitals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestWorker } from '../support/email-worker.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const log = pino({ level: 'silent' })
const config = loadConfig({ env: {}, root: '/nowhere' })

function begin(vitals: Vitals, owner = 'email@host-1:4711') {
  return startHeartbeat({ database, config, name: 'email', owner, directConnections: 1, vitals, log })
}

async function readCounts() {
  const { rows } = await database.pool.query(
    'SELECT queue, outcome, error_class AS "errorClass", sum(count)::int AS count FROM fleet.outcome_counts GROUP BY 1, 2, 3 ORDER BY 1, 2, 3',
  )
  return rows
}

it('a worker is known from its first beat until it stops in good order', async () => {
  const heartbeat = await begin(new Vitals())
  expect(await listLiveWorkers(database.db)).toMatchObject([
    {
      owner: 'email@host-1:4711',
      name: 'email',
      version: '0.1.0',
      isAlive: true,
      inHand: 0,
      connections: 6,
      outage: null,
    },
  ])
  await heartbeat.stop()
  expect(await listWorkers(database.db)).toEqual([])
})

it('an outage and a block are known at once', async () => {
  const vitals = new Vitals()
  const heartbeat = await begin(vitals)
  onTestFinished(() => heartbeat.stop())
  const since = new Date('2026-01-02T03:04:05Z')
  vitals.queue('email').outage = () => ({ since, reason: '421 later' })
  vitals.changed()
  await expect.poll(() => listWorkers(database.db)).toMatchObject([{ outage: { since, reason: '421 later' } }])
  vitals.blocked = 'another database'
  await expect.poll(() => listWorkers(database.db)).toMatchObject([{ blocked: 'another database' }])
})

it('a worker that is not heard of is dead, and forgotten after a day', async () => {
  const heartbeat = await begin(new Vitals(), 'email@host-2:1')
  onTestFinished(() => heartbeat.stop())
  const age = (by: string) =>
    database.pool.query(`UPDATE fleet.workers SET heartbeat_at = now() - $1::interval WHERE owner = 'email@host-2:1'`, [
      by,
    ])
  await age('21 seconds')
  expect(await listWorkers(database.db)).toMatchObject([{ owner: 'email@host-2:1', isAlive: false }])
  expect(await listLiveWorkers(database.db)).toEqual([])
  await age('25 hours')
  await addOutcomes(database, [{ queue: 'sms', outcome: 'sent', errorClass: '', count: 1 }])
  await database.pool.query(`UPDATE fleet.outcome_counts SET minute = now() - interval '8 days'`)
  expect(await forgetOldVitals(database.db)).toEqual({ workers: 1, counts: 1 })
})

it('counts what came of mails before the worker is known, too', async () => {
  const vitals = new Vitals()
  vitals.queue('sms').settled({ outcome: 'sent' })
  const heartbeat = await begin(vitals)
  onTestFinished(() => heartbeat.stop())
  expect(await readCounts()).toEqual([{ queue: 'sms', outcome: 'sent', errorClass: '', count: 1 }])
  await database.pool.query('TRUNCATE fleet.outcome_counts')
})

it('counts what came of mails by the minute, and keeps what it cannot write', async () => {
  const smtp = await startSmtpServer()
  onTestFinished(() => smtp.stop())
  const vitals = new Vitals()
  const heartbeat = await begin(vitals)
  await database.pool.query('ALTER TABLE fleet.outcome_counts RENAME TO hidden')
  await database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, not_after) VALUES
      ('a@example.org', 's', 'b', NULL), ('b@example.org', 's', 'b', NULL), ('nobody', 's', 'b', NULL),
      ('c@example.org', 's', 'b', fleet.utc_now())`)
  const waits: (number | undefined)[] = []
  vitals.onSettled((_, { waitedMs }) => waits.push(waitedMs))
  const worker = createTestWorker(database, { smtpUrl: smtp.url, vitals })
  await worker.drain.run()
  await worker.stop()
  vitals.changed()
  await database.pool.query('ALTER TABLE fleet.hidden RENAME TO outcome_counts')
  await heartbeat.stop()
  expect(await readCounts()).toEqual([
    { queue: 'email', outcome: 'expired', errorClass: 'expired', count: 1 },
    { queue: 'email', outcome: 'hard_failure', errorClass: 'recipient_invalid', count: 1 },
    { queue: 'email', outcome: 'sent', errorClass: '', count: 2 },
  ])
  const known = waits.filter((ms) => ms !== undefined)
  expect(known).toHaveLength(2)
  expect(Math.min(...known)).toBeGreaterThan(0)
})

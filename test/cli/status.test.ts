import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { insertMail } from '../ops/mails.ts'
import { insertNotice } from '../ops/notifications/notices.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))

const idle = {
  ...{ due: 0, oldestDueAt: null, scheduled: 0, sending: 0, held: 0, pausedUntil: null, pauseReason: null },
  last24Hours: { sent: 0, failed: 0, skipped: 0, cancelled: 0, expired: 0 },
}

it('shows the fleet at a glance', async () => {
  const { db, pool } = database
  const now = Date.now()
  await insertMail(db, { priority: 1, scheduled_at: new Date(now - 600_000) })
  await insertMail(db, { priority: 7, scheduled_at: new Date(now + 600_000) })
  await insertMail(db, { status: 'held' })
  await insertMail(db, { status: 'failed', updated_at: new Date(now - 60_000) })
  await insertNotice(db, { scheduled_at: new Date(now - 600_000) })
  await insertNotice(db, { status: 'skipped' })
  const pausedUntil = new Date(now + 3_600_000)
  await db
    .updateTable('fleet.channels')
    .set({ paused_until: pausedUntil, reason: '401 Unauthorized' })
    .where('name', '=', 'telegram')
    .execute()
  await pool.query(`
    INSERT INTO pgboss.instance (id, name, host, pid, version, node_version, heartbeat_seconds, supervise, schedule, migrate,
                                 persist_queue_stats, persist_warnings)
    VALUES (gen_random_uuid(), 'email', 'host-1', 4711, '12', '26.10.0', 3600, true, true, false, false, false)`)
  await pool.query(`
    INSERT INTO fleet.sweeps (started_at, ended_at, worker, kind, outcome, counts)
    VALUES (now() - interval '5 minutes', now(), 'w', 'baseline', 'done', '{}'),
           (now() - interval '2 minutes', now(), 'w', 'sweep', 'done', '{"notices": 20, "states": 1}')`)
  await pool.query(`
    SELECT pgboss.create_queue('lifecycle.sweep', '{"policy": "short"}');
    INSERT INTO pgboss.schedule (name, cron) VALUES ('lifecycle.sweep', '*/10 * * * *')`)
  await pool.query(`DELETE FROM fleet.migrations WHERE name LIKE '%install_pgboss'`)

  const [human, { code, document }] = await Promise.all([fleet.run(['status']), fleet.json(['status'])])
  expect({ code, document }).toEqual({
    code: 0,
    document: {
      now: expect.stringMatching(/^\d{4}-.*Z$/),
      email: {
        due: 1,
        oldestDueAt: new Date(now - 600_000).toISOString(),
        oldestDueSeconds: expect.any(Number),
        scheduled: 1,
        sending: 0,
        held: 1,
        last24Hours: { sent: 0, failed: 1, cancelled: 0, expired: 0 },
        priorities: [
          { priority: 1, due: 1, scheduled: 0 },
          { priority: 7, due: 0, scheduled: 1 },
        ],
      },
      notifications: {
        email: idle,
        telegram: {
          ...idle,
          due: 1,
          oldestDueAt: new Date(now - 600_000).toISOString(),
          last24Hours: { ...idle.last24Hours, skipped: 1 },
          pausedUntil: pausedUntil.toISOString(),
          pauseReason: '401 Unauthorized',
        },
        sms: idle,
        system: idle,
      },
      subscriptions: {
        lastSweep: {
          startedAt: expect.stringMatching(/Z$/),
          endedAt: expect.stringMatching(/Z$/),
          kind: 'sweep',
          outcome: 'done',
          counts: { notices: 20, superseded: 0, skipped: 0, states: 1, recorded: 0 },
        },
        schedule: '*/10 * * * *',
      },
      workers: [
        {
          name: 'email',
          host: 'host-1',
          pid: 4711,
          nodeVersion: '26.10.0',
          startedAt: expect.stringMatching(/Z$/),
          heartbeatAt: expect.stringMatching(/Z$/),
        },
      ],
      pendingMigrations: ['20260201000300_install_pgboss'],
    },
  })
  expect(human).toMatchObject({ code: 0, stderr: '' })
  for (const line of [
    /^E-mail\nDue now +1, the oldest for 10 min\n/,
    /\nLater +1\n/,
    /\nHeld +1\n/,
    /\nLast 24 h +0 sent, 1 failed, 0 expired, 0 cancelled\n/,
    /\n +7 +0 +1\n/,
    /\nNotifications\nCHANNEL +DUE +OLDEST +LATER +SENDING +HELD +24 H: SENT +FAILED +SKIPPED\n/,
    /\ntelegram +1 +2\S+Z +0 +0 +0 +0 +0 +1\n/,
    /\ntelegram pauses, until 2\S+Z: 401 Unauthorized\n/,
    /\nSubscriptions\nLast sweep +2\S+Z: 20 notices, 1 change of state\nNext +on the schedule \*\/10 \* \* \* \* \(UTC\)\n/,
    /\nemail +host-1 +4711 +2/,
    /\n1 migration pending: fleet migrate up\n$/,
  ]) {
    expect(human.stdout).toMatch(line)
  }
})

it('says plainly that nobody works', async () => {
  await database.pool.query('TRUNCATE pgboss.instance, email_queue')
  const { code, stdout } = await fleet.run(['status'])
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining('\nWorkers\nNone is alive: nothing is being sent.\n'),
  })
})

it('shows a pause without an end', async () => {
  await database.pool.query(
    `UPDATE fleet.channels SET paused_until = 'infinity', reason = 'by hand' WHERE name = 'sms'`,
  )
  onTestFinished(async () => {
    await database.pool.query(`UPDATE fleet.channels SET paused_until = NULL, reason = NULL WHERE name = 'sms'`)
  })
  const { code, stdout } = await fleet.run(['status'])
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining('sms pauses, until 9999-12-31T00:00:00.000Z: by hand\n'),
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { insertMail } from '../ops/mails.ts'
import { insertNotice } from '../ops/notifications/notices.ts'
import { startCluster } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { hasTerminals, runInTerminal } from './terminal.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))

const none = { sent: 0, failed: 0, skipped: 0, cancelled: 0, expired: 0 }
const quiet = {
  rates: {
    windows: [1, 15, 60].map((minutes) => ({ minutes, sent: 0, failed: 0, sentPerMinute: 0, failedShare: null })),
    sentByMinute: Array.from({ length: 60 }, () => 0),
  },
  errorClasses: { failed: [], held: [] },
}
const idle = {
  ...{
    due: 0,
    oldestDueAt: null,
    scheduled: 0,
    sending: 0,
    held: 0,
    priorities: [],
    pausedUntil: null,
    pauseReason: null,
  },
  ...quiet,
  last24Hours: none,
}

const insertWorker = (name: string, host: string, columns = '', values = '') =>
  database.pool.query(
    `INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, connections, shutdown_seconds${columns})
     VALUES ($1, $2, $3, 4711, '0.1.0', '26.10.0', now() - interval '3 days', 6, 15${values})`,
    [`${name}@${host}:4711`, name, host],
  )

it('shows the fleet at a glance', async () => {
  const { db, pool } = database
  const now = Date.now()
  await insertMail(db, { priority: 1, scheduled_at: new Date(now - 660_000) })
  await insertMail(db, { priority: 7, scheduled_at: new Date(now + 600_000) })
  await insertMail(db, { status: 'held', error_class: 'answer_lost' })
  await insertMail(db, { status: 'failed', error_class: 'mailbox_full', updated_at: new Date(now - 60_000) })
  await insertNotice(db, { scheduled_at: new Date(now - 60_000) })
  await insertNotice(db, { status: 'skipped' })
  const pausedUntil = new Date(now + 3_600_000)
  await db
    .updateTable('fleet.channels')
    .set({ paused_until: pausedUntil, reason: '401 Unauthorized' })
    .where('name', '=', 'telegram')
    .execute()
  await insertWorker('email', 'host-1', ', in_hand', ', 12')
  await insertWorker('email', 'host-2', ', outage_since, outage_reason', `, now(), '421 later'`)
  await insertWorker('email', 'host-3', ', blocked', `, 'a copy'`)
  await insertWorker('notifications', 'host-1', ', heartbeat_at', `, now() - interval '1 hour'`)
  await pool.query(`
    INSERT INTO fleet.outcome_counts (minute, queue, outcome, error_class, count)
    SELECT date_trunc('minute', now()) - n * interval '1 minute', 'email', o.outcome, '', o.count
      FROM generate_series(0, 30) AS n, (VALUES ('sent', 90), ('hard_failure', 10), ('outage', 500)) AS o (outcome, count)`)
  await pool.query(`
    INSERT INTO fleet.sweeps (started_at, ended_at, worker, kind, outcome, counts)
    VALUES (now() - interval '5 minutes', now(), 'w', 'baseline', 'done', '{}'),
           (now() - interval '2 minutes', now(), 'w', 'sweep', 'done', '{"notices": 20, "states": 1}')`)
  await pool.query(`
    SELECT pgboss.create_queue('lifecycle.sweep', '{"policy": "short"}'), pgboss.create_queue('lifecycle.rotate-videos', '{"policy": "short"}');
    INSERT INTO pgboss.schedule (name, cron, created_on)
    VALUES ('lifecycle.sweep', '*/10 * * * *', now()), ('lifecycle.rotate-videos', '* * * * *', now() - interval '1 day')`)
  await pool.query(`INSERT INTO fleet.pauses (queue, reason, paused_by) VALUES ('sms', 'wrong text', 'ann@host')`)
  await pool.query(`
    INSERT INTO fleet.replays (state, actor, filter, fingerprint, keeps_attempts, includes_sent, created_at, reason, size, per_second)
    VALUES ('done', 'bob@host', '{}', 'f', false, false, now(), NULL, 1, NULL), ('running', 'ann@host', '{}', 'f', false, false, now(), 'disk mended', 3, 50);
    INSERT INTO fleet.replay_items (replay_id, ordinal, email_id, status, is_archived, state)
    VALUES (2, 1, 901, 'failed', false, 'replayed'), (2, 2, 902, 'failed', false, 'waiting'), (2, 3, 903, 'failed', false, 'waiting')`)
  await pool.query(`DELETE FROM fleet.migrations WHERE name LIKE '%install_pgboss'`)

  const [human, { code, document }] = await Promise.all([fleet.run(['status']), fleet.json(['status'])])
  expect({ code, document }).toMatchObject({
    code: 0,
    document: {
      now: expect.stringMatching(/^\d{4}-.*Z$/),
      email: {
        due: 1,
        oldestDueAt: new Date(now - 660_000).toISOString(),
        oldestDueSeconds: expect.any(Number),
        scheduled: 1,
        sending: 0,
        held: 1,
        last24Hours: { sent: 2_790, failed: 1, cancelled: 0, expired: 0 },
        priorities: [
          { priority: 1, due: 1, scheduled: 0 },
          { priority: 7, due: 0, scheduled: 1 },
        ],
        rates: {
          windows: [{ minutes: 1, failedShare: expect.closeTo(0.1, 1) }, { minutes: 15 }, { minutes: 60, sent: 2_790 }],
        },
        errorClasses: {
          failed: [{ errorClass: 'mailbox_full', count: 1 }],
          held: [{ errorClass: 'answer_lost', count: 1 }],
        },
      },
      notifications: {
        email: idle,
        telegram: {
          ...idle,
          due: 1,
          oldestDueAt: new Date(now - 60_000).toISOString(),
          priorities: [{ priority: 5, due: 1, scheduled: 0 }],
          last24Hours: { ...none, skipped: 1 },
          pausedUntil: pausedUntil.toISOString(),
          pauseReason: '401 Unauthorized',
        },
        sms: idle,
        system: idle,
      },
      replays: [{ id: 2, state: 'running', actor: 'ann@host', reason: 'disk mended', size: 3, left: 2, perSecond: 50 }],
      pauses: [{ queue: 'sms', until: null, reason: 'wrong text', pausedBy: 'ann@host' }],
      subscriptions: {
        lastSweep: {
          kind: 'sweep',
          outcome: 'done',
          counts: { notices: 20, superseded: 0, skipped: 0, states: 1, recorded: 0 },
        },
        schedule: '*/10 * * * *',
      },
      schedules: [
        { name: 'lifecycle.rotate-videos', lastRun: null, isOverdue: true, failure: null },
        { name: 'lifecycle.sweep', cron: '*/10 * * * *', isOverdue: false, nextRun: expect.stringMatching(/Z$/) },
      ],
      workers: [
        { name: 'email', host: 'host-1', version: '0.1.0', isAlive: true, inHand: 12, outage: null, blocked: null },
        { host: 'host-2', outage: { reason: '421 later' } },
        { host: 'host-3', blocked: 'a copy' },
        { name: 'notifications', isAlive: false },
      ],
      pendingMigrations: ['20260201000300_install_pgboss'],
    },
  })
  expect(human).toMatchObject({ code: 0, stderr: '' })
  for (const line of [
    /^The fleet at 2\S+ \S+ UTC\n! No notifications worker is alive: no notification is being sent\.\n! No lifecycle worker is alive/,
    /\n! email@host-2:4711 has an outage since \S+ UTC \(.*\): 421 later\n! email@host-3:4711 sends nothing: a copy\n/,
    /\n! lifecycle.rotate-videos is overdue: last run -\n! notifications@host-1:4711 died: last heard of 2\S+Z\n/,
    /\n! sms is paused since \S+ UTC \(.*\), by ann@host: wrong text\n! telegram waits until 2\S+Z: 401 Unauthorized\n/,
    /\n! 1 migration pending: fleet migrate up\n\nWaiting\n/,
    /\nemail +1 +11 min +1 +0 +1 +1: 1\n/,
    /\ntelegram +1 +6\d s +0 +0 +0 +5: 1\n/,
    /\nemail +\d+ +\d+ +47 +1[01]% +1[01]% +1[01]% +2,790 +[█▇▆ ]+\n/,
    /\nemail: 1 failed in 24 h: 1 mailbox_full\nemail: held: 1 answer_lost\n/,
    /\nemail +host-1 +4711 +0\.1\.0 +3 d +12 +works\n/,
    /\n +2 +putting back +3 +2 +50 +2\S+Z +ann@host +disk mended\n/,
    /\nSubscriptions\nLast sweep +2\S+Z: 20 notices, 1 change of state\nNext +on the schedule \*\/10 \* \* \* \* \(UTC\)\n/,
    /\nlifecycle.sweep +\*\/10 \* \* \* \* +2\S+Z +2\S+Z\n/,
  ]) {
    expect(human.stdout).toMatch(line)
  }
  expect(human.stdout).not.toMatch(/^(to e-mail|system|sms) /m)
})

it('says plainly that nobody works', async () => {
  await database.pool.query('TRUNCATE fleet.workers, email_queue')
  const { code, stdout } = await fleet.run(['status'])
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining('\n! No email worker is alive: no mail is being sent.\n'),
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
    stdout: expect.stringContaining('! sms waits until 9999-12-31T00:00:00.000Z: by hand\n'),
  })
})

describe('watching', () => {
  it('prints one document a line for programs, and ends with 0 when it is told to', async () => {
    const child = spawn(fleet.path, ['status', '--watch', '--json'], { env: fleet.environment() })
    onTestFinished(() => void child.kill('SIGKILL'))
    const closed = once(child, 'close')
    const lines = createInterface(child.stdout)
    const seen: { email: { due: number } }[] = []
    for await (const line of lines) {
      seen.push(JSON.parse(line))
      if (seen.length === 1) await insertMail(database.db, {})
      if (seen.length === 2) break
    }
    child.kill('SIGINT')
    expect(await closed).toEqual([0, null])
    expect(seen.map(({ email }) => email.due)).toEqual([0, 1])
  })

  it.skipIf(!hasTerminals)('draws in place on a terminal, and gives the screen back', async () => {
    const { code, screen } = await runInTerminal(fleet, 'status --watch', {
      waitFor: 'Waiting',
      act: (terminal) => void terminal.write('\x03'),
    })
    expect(code).toBe(0)
    expect(screen).toContain('\x1b[?1049h\x1b[?25l\x1b[H')
    expect(screen).toContain('\x1b[?25h\x1b[?1049l')
  })

  it('waits for a database that is out of reach for a while', async () => {
    const cluster = await startCluster()
    onTestFinished(() => cluster.remove())
    const own = connectDatabase({ url: cluster.adminUrl, applicationName: 'fleet-test' })
    await migrateUp(own.db)
    await own.close()
    const child = spawn(fleet.path, ['status', '--watch'], {
      env: fleet.environment({ DATABASE_URL: cluster.adminUrl }),
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += String(chunk)
    })
    const shows = (what: string) => vi.waitUntil(() => text.includes(what), { timeout: 15_000 })
    await shows('Waiting')
    await cluster.stop()
    await shows('the database cannot be reached')
    text = ''
    await cluster.start()
    await shows('Waiting')
  })
})

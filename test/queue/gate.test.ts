import { execFile } from 'node:child_process'
import { chown, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { differencesFrom } from '../../src/db/installation.ts'
import { readActual, readStamp, stamp } from '../../src/db/installation-store.ts'
import { migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { emailTable } from '../../src/email/store.ts'
import { adoptDatabase, previewAdoption } from '../../src/ops/adopt-database.ts'
import { listPauses, pauseQueue, resumeQueue } from '../../src/ops/pauses.ts'
import { carryOnReplay } from '../../src/ops/replays/carry-on.ts'
import { createReplay } from '../../src/ops/replays/create-replay.ts'
import { toRequest } from '../ops/replays/replaying.ts'
import { hasMajor, startCluster } from '../support/cluster.ts'
import { copyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestWorker } from '../support/email-worker.ts'
import { createTestDrains } from '../support/notification-drains.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

const table = { owner: 'test', leaseSeconds: 60, messageIdDomain: 'vertex.example', holdAmbiguous: [] }
const has = { 13: await hasMajor(13), 18: true }
const anns = { reason: 'wrong template', actor: 'ann@host', until: null } as const

const insertMails = (database: Pick<TestDatabase, 'pool'>, count: number) =>
  database.pool.query(
    `INSERT INTO email_queue (recipient_to, subject, body) SELECT 'a' || n || '@example.org', 's', 'b' FROM generate_series(1, $1) n`,
    [count],
  )

describe('a pause', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  it('lets nothing be handed over after its commit, burns no attempt, and everything goes out when it is resumed', async () => {
    const total = 3_000
    const smtp = await startSmtpServer()
    onTestFinished(() => smtp.stop())
    await insertMails(database, total)
    const worker = createTestWorker(database, { smtpUrl: smtp.url })
    worker.drain.start()
    worker.drain.wake()
    await vi.waitUntil(() => smtp.mails.length > 100, { timeout: 30_000, interval: 1 })
    await pauseQueue(database.db, { queue: 'email', ...anns })
    const readClock = async (): Promise<string> => {
      const { rows } = await database.pool.query<{ now: string }>('SELECT clock_timestamp()::text AS now')
      return rows[0]?.now ?? ''
    }
    // A statement that had begun by then does not see the pause, and may take its time on a busy machine.
    const committedAt = await readClock()
    await vi.waitUntil(async () => {
      const { rows: begun } = await database.pool.query(
        `SELECT FROM pg_stat_activity
          WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND xact_start <= $1`,
        [committedAt],
      )
      return begun.length === 0
    })
    const pausedAt = await readClock()
    await vi.waitUntil(() => worker.drain.inHand === 0, { timeout: 30_000 })
    const { rows } = await database.pool.query(
      `SELECT (SELECT count(*)::int FROM fleet.email_attempts WHERE handed_over_at > $1) AS late,
              (SELECT count(*)::int FROM email_queue WHERE status = 'pending' AND attempts = 0) AS waiting,
              (SELECT count(*)::int FROM email_queue WHERE status = 'sent') AS sent`,
      [pausedAt],
    )
    expect(rows[0].late).toBe(0)
    expect(rows[0].sent).toBe(smtp.mails.length)
    expect(rows[0].waiting + rows[0].sent).toBe(total)
    expect(rows[0].waiting).toBeGreaterThan(0)
    await resumeQueue(database.db, { queue: 'email', actor: 'ann@host' })
    await vi.waitUntil(() => smtp.mails.length === total, { timeout: 60_000 })
    await worker.stop()
  })

  it('covers all channels of notifications, and its end lets them go on', async () => {
    await database.pool.query(`
      CREATE TABLE public.clock (now timestamp); INSERT INTO clock VALUES (timezone('UTC', now()));
      CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE AS 'SELECT now FROM public.clock';
      INSERT INTO notifications (type, company_id, message) VALUES ('system', 1, 'm')`)
    const drains = createTestDrains(database)
    onTestFinished(() => drains.stop())
    const { rows } = await database.pool.query<{ until: Date }>(`SELECT now + interval '1 hour' AS until FROM clock`)
    await pauseQueue(database.db, { queue: 'notifications', ...anns, until: rows[0]?.until ?? null })
    expect(await drains.drains.system.run()).toEqual({ claimed: 0, expired: 0 })
    expect(await listPauses(database.db)).toMatchObject([
      { queue: 'notifications', pausedBy: 'ann@host', reason: 'wrong template' },
    ])
    await database.pool.query(`UPDATE clock SET now = now + interval '61 minutes'`)
    expect(await listPauses(database.db)).toEqual([])
    expect(await drains.drains.system.run()).toEqual({ claimed: 1, expired: 0 })
  })

  it('that is given again keeps its beginning, and both are in the audit log', async () => {
    const first = await pauseQueue(database.db, { queue: 'sms', ...anns })
    await database.pool.query(`UPDATE clock SET now = now + interval '1 minute'`)
    const second = await pauseQueue(database.db, { queue: 'sms', ...anns, reason: 'still wrong' })
    expect(second).toEqual({ ...first, reason: 'still wrong' })
    expect(await resumeQueue(database.db, { queue: 'sms', actor: 'bob@host' })).toMatchObject({ reason: 'still wrong' })
    expect(await resumeQueue(database.db, { queue: 'sms', actor: 'bob@host' })).toBeUndefined()
    const { rows } = await database.pool.query(
      `SELECT action, actor_email, changes ->> 'reason' AS reason FROM audit_log WHERE changes ->> 'queue' = 'sms' ORDER BY id`,
    )
    expect(rows).toEqual([
      { action: 'pause', actor_email: 'ann@host', reason: 'wrong template' },
      { action: 'pause', actor_email: 'ann@host', reason: 'still wrong' },
      { action: 'resume', actor_email: 'bob@host', reason: 'still wrong' },
    ])
  })

  it('does not keep what is too late from ending, nor what a dead worker left from being rescued', async () => {
    const mails = emailTable(database, table)
    await database.pool.query('TRUNCATE email_queue RESTART IDENTITY')
    await insertMails(database, 2)
    await mails.claim({ limit: 1 })
    await pauseQueue(database.db, { queue: 'email', ...anns })
    onTestFinished(async () => void (await resumeQueue(database.db, { queue: 'email', actor: 'ann@host' })))
    await database.pool.query(`
      UPDATE email_queue SET leased_until = '2020-01-01' WHERE status = 'sending';
      UPDATE email_queue SET not_after = fleet.utc_now() WHERE status = 'pending'`)
    await vi.waitUntil(async () => (await mails.reap()).length === 1, { timeout: 10_000 })
    expect(await mails.expire()).toHaveLength(1)
    expect(await mails.claim({ limit: 2 })).toMatchObject({ rows: [] })
  })
})

describe('a database that is not the one it is stamped as', () => {
  const claim = (database: TestDatabase, environment?: string) =>
    emailTable(database, { ...table, environment }).claim({ limit: 1 })

  async function stamped(environment?: string) {
    const database = await createTestDatabase()
    onTestFinished(() => database.drop())
    await stamp(database.db, { environment, by: 'test' })
    await insertMails(database, 10)
    return database
  }

  it.each([
    ['production', 'production', 1],
    ['production', 'staging', 0],
    ['production', undefined, 0],
    [undefined, 'production', 0],
    [undefined, undefined, 1],
  ])('stamped as %s gives a worker of %s %i mails', async (environment, workers, claimed) => {
    const database = await stamped(environment)
    expect((await claim(database, workers)).rows).toHaveLength(claimed)
    await stamp(database.db, { environment: 'other', by: 'late' })
    expect((await readStamp(database.db))?.environment).toBe(environment ?? null)
  })

  it('as a copy in the same cluster sends nothing until it is adopted, and holds what may have gone out', async () => {
    const original = await stamped('production')
    const url = new URL(original.url)
    await original.pool.query(`
      UPDATE email_queue SET enqueued_at = now() - interval '2 hours' WHERE id <= 4;
      UPDATE email_queue SET due_at = now() + interval '1 hour' WHERE id = 1;
      UPDATE email_queue SET status = 'sent' WHERE id = 2;
      INSERT INTO notifications (type, company_id, message, event_data) VALUES
        ('system', 1, 'before', '{}'), ('system', 1, 'decided again', '{"notice": "lifecycle:7"}'), ('system', 1, 'new', '{}');
      UPDATE notifications SET enqueued_at = now() - interval '2 hours', due_at = now() - interval '2 hours' WHERE message = 'before'`)
    await original.close()
    const admin = new URL(url)
    admin.pathname = '/postgres'
    const copy = await copyTestDatabase(admin.href, url.pathname.slice(1))
    onTestFinished(() => copy.drop())
    expect((await claim(copy, 'production')).rows).toEqual([])
    const request = { environment: 'production', heldSince: new Date(Date.now() - 3_600_000) }
    const preview = await previewAdoption(copy.db, request)
    expect(preview).toMatchObject({
      differences: [expect.stringMatching(/another database of the same cluster/)],
      held: { mails: 2, notifications: 2 },
    })
    const { held } = await adoptDatabase(copy.db, { ...request, actor: 'ann@host' })
    expect(held).toEqual(preview.held)
    const { rows } = await copy.pool.query(
      `SELECT id FROM email_queue WHERE error_class = 'may_have_gone_out' AND status = 'held' ORDER BY id`,
    )
    expect(rows).toEqual([{ id: 3 }, { id: 4 }])
    const { rows: notices } = await copy.pool.query(
      `SELECT message FROM notifications WHERE status = 'held' ORDER BY id`,
    )
    expect(notices).toEqual([{ message: 'before' }, { message: 'decided again' }])
    expect((await claim(copy, 'production')).rows).toHaveLength(1)
    const { rows: audit } = await copy.pool.query(
      `SELECT actor_email, changes -> 'held' AS held FROM audit_log WHERE action = 'adopt'`,
    )
    expect(audit).toEqual([{ actor_email: 'ann@host', held: { mails: 2, notifications: 2 } }])
  })

  it('stops the replays that went on at the time that it went back to, with what of them waits', async () => {
    const database = await stamped('production')
    await database.pool.query(`UPDATE email_queue SET status = 'failed', enqueued_at = now() - interval '2 hours'`)
    const { id = 0 } = await createReplay(database.db, toRequest({ perSecond: 0.001 }))
    const { signal } = new AbortController()
    expect(await carryOnReplay(database.db, id, { signal })).toMatchObject({ state: 'done' })
    await database.pool.query(`UPDATE fleet.replays SET state = 'running'`)
    const request = { environment: 'production', heldSince: new Date(Date.now() - 3_600_000) }
    const { held, stoppedReplays } = await previewAdoption(database.db, request)
    expect({ held, stoppedReplays }).toEqual({ held: { mails: 1, notifications: 0 }, stoppedReplays: [id] })
    expect(await adoptDatabase(database.db, { ...request, actor: 'ann@host' })).toMatchObject({ stoppedReplays: [id] })
    expect(await carryOnReplay(database.db, id, { signal })).toMatchObject({ state: 'stopped', stoppedBy: 'ann@host' })
    const { rows } = await database.pool.query(
      'SELECT status, count(*)::int FROM email_queue GROUP BY status ORDER BY status',
    )
    expect(rows).toEqual([
      { status: 'failed', count: 9 },
      { status: 'held', count: 1 },
    ])
  })

  it('on a disk that was copied whole is known by its name alone', async () => {
    const cluster = await startCluster()
    onTestFinished(() => cluster.remove())
    const database = connectDatabase({ url: cluster.adminUrl, applicationName: 'fleet-test' })
    onTestFinished(() => database.close())
    await migrateUp(database.db)
    await stamp(database.db, { environment: 'production', by: 'test' })
    await cluster.stop()
    const copy = `${cluster.dataDirectory}.copy`
    await promisify(execFile)('cp', ['-a', cluster.dataDirectory, copy])
    await rm(cluster.dataDirectory, { recursive: true })
    await rename(copy, cluster.dataDirectory)
    await cluster.start()
    const known = await vi.waitUntil(() => readStamp(database.db).catch(() => undefined))
    const differencesAs = async (name: string) => differencesFrom(known, await readActual(database.db, name))
    expect(await differencesAs('production')).toEqual([])
    expect(await differencesAs('staging')).toEqual([expect.stringMatching(/stamped as production/)])
  })

  for (const major of [13, 18] as const) {
    it.skipIf(!has[major])(`after a recovery to another timeline sends nothing (PostgreSQL ${major})`, async () => {
      const cluster = await startCluster({ major, settings: { restore_command: '/bin/false' } })
      onTestFinished(() => cluster.remove())
      const database = connectDatabase({ url: cluster.adminUrl, applicationName: 'fleet-test' })
      onTestFinished(() => database.close())
      await migrateUp(database.db)
      await stamp(database.db, { environment: undefined, by: 'test' })
      await insertMails(database, 2)
      const mails = emailTable(database, table)
      expect((await mails.claim({ limit: 1 })).rows).toHaveLength(1)
      await cluster.stop()
      const signal = join(cluster.dataDirectory, 'recovery.signal')
      await writeFile(signal, '')
      const { uid, gid } = await stat(cluster.dataDirectory)
      await chown(signal, uid, gid)
      await cluster.start()
      await vi.waitUntil(
        async () => (await readActual(database.db, undefined).catch(() => undefined))?.timeline === 2,
        { timeout: 10_000 },
      )
      expect((await mails.claim({ limit: 1 })).rows).toEqual([])
      const adoption = await adoptDatabase(database.db, {
        environment: undefined,
        heldSince: undefined,
        actor: 'ann@host',
      })
      expect(adoption.differences).toEqual([expect.stringMatching(/timeline 2 instead of 1/)])
      expect((await mails.claim({ limit: 1 })).rows).toHaveLength(1)
    })
  }
})

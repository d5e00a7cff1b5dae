import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { type SpawnedWorker, spawnWorker } from '../support/processes.ts'
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { createWorkerLogin } from '../support/worker-login.ts'
import { attemptsOf, insertMails, waitForMails, waitUntilSent } from './mails.ts'

let cluster: TestCluster
let installation: Installation
let database: TestDatabase
let server: TestSmtpServer

beforeAll(async () => {
  cluster = await startCluster()
  await createWorkerLogin(cluster.adminUrl)
  installation = await createInstallation()
  database = await createEmptyTestDatabase(cluster.adminUrl)
  server = await startSmtpServer()
})
afterAll(async () => {
  await database.drop()
  await server.stop()
  await installation.remove()
  await cluster.remove()
})

function startWorker(env: Record<string, string> = {}, script = 'workers/email.ts'): SpawnedWorker {
  return spawnWorker({
    directory: installation.directory,
    script,
    env: { DATABASE_URL: database.workerUrl, SMTP_URL: server.url, ...env },
  })
}

const hasOldServer = await hasMajor(12)
const hasOldestServer = await hasMajor(13)

describe('a worker without a usable database', () => {
  it('waits while it lacks migrations, says so once, and begins by itself', async () => {
    const worker = startWorker()
    const line = await worker.logged(/^waiting/)
    expect(line).toMatchObject({ level: 'warn', msg: 'waiting: the database lacks migrations; run "fleet migrate up"' })
    expect(line.pending).toContain('20260101000800_create_email_queue_and_notifications')
    expect(worker.isReady).toBe(false)
    await migrateUp(database.db)
    await worker.ready()
    expect(worker.logs.filter(({ msg }) => msg.startsWith('waiting'))).toHaveLength(1)
    await insertMails(database.db, 1)
    await waitUntilSent(database.db, 1)
  })

  it.skipIf(!hasOldServer)('waits on a PostgreSQL that migrates and is too old for workers, and says so', async () => {
    const old = await startCluster({ major: 12 })
    onTestFinished(() => old.remove())
    const migrated = await createEmptyTestDatabase(old.adminUrl)
    const said: string[] = []
    const { db, close } = connectDatabase({
      url: migrated.url,
      applicationName: 'test',
      onNotice: (text) => said.push(text),
    })
    await migrateUp(db).finally(close)
    expect(said).toContainEqual(expect.stringContaining('the workers need PostgreSQL 13 or later'))
    const worker = startWorker({ DATABASE_URL: migrated.url })
    await worker.logged('waiting: PostgreSQL 12 is too old; workers need 13 or later')
    expect(worker.isReady).toBe(false)
    await worker.stop('SIGTERM')
    await migrated.drop()
  })

  it.skipIf(!hasOldestServer)('works on the oldest PostgreSQL that workers are for', async () => {
    const oldest = await startCluster({ major: 13 })
    onTestFinished(() => oldest.remove())
    await createWorkerLogin(oldest.adminUrl)
    const migrated = await createEmptyTestDatabase(oldest.adminUrl)
    await migrateUp(migrated.db)
    const env = { DATABASE_URL: migrated.workerUrl }
    const workers = [startWorker(env), startWorker(env, 'workers/lifecycle.ts')]
    await Promise.all(workers.map((worker) => worker.ready()))
    await insertMails(migrated.db, 1)
    await waitUntilSent(migrated.db, 1)
    await workers[1]?.logged('partitions made')
    for (const worker of workers) expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    await migrated.drop()
  })

  it('waits while the server is down, and begins by itself', async () => {
    await cluster.stop()
    const worker = startWorker()
    const line = await worker.logged(/^waiting/)
    expect(line).toMatchObject({ msg: 'waiting: the database cannot be used', err: { code: 'ECONNREFUSED' } })
    expect(worker.isReady).toBe(false)
    await cluster.start()
    await worker.ready()
  })

  it('can be stopped while it waits', async () => {
    const worker = startWorker({ DATABASE_URL: 'postgres://fleet@127.0.0.1:1/fleet' })
    await worker.logged(/^waiting/)
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(worker.isReady).toBe(false)
  })
})

describe('a worker that loses its database', () => {
  // So long between polls that only wake-ups can be what goes on.
  const env = { EMAIL_POLL_SECONDS: '60' }

  it('survives a restart of the server under load, and hears of new mails again', async () => {
    await sql`TRUNCATE email_queue`.execute(database.db)
    const before = server.mails.length
    const worker = startWorker(env)
    await worker.ready()
    await insertMails(database.db, 1_500)
    await waitForMails(server, before + 200)
    await cluster.stop()
    await worker.logged(/^not listening/)
    await cluster.start()
    await expectDelivery(worker, 1_500)
  })

  it('survives a crash of the server under load', async () => {
    await sql`TRUNCATE email_queue`.execute(database.db)
    const before = server.mails.length
    const worker = startWorker(env)
    await worker.ready()
    await insertMails(database.db, 1_500)
    await waitForMails(server, before + 200)
    const [pid] = (await readFile(join(cluster.dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')
    process.kill(Number(pid), 'SIGQUIT') // It ends at once, as in a crash, and recovers when it is started.
    await worker.logged(/^not listening/)
    await cluster.stop()
    await cluster.start()
    await expectDelivery(worker, 1_500)
  })

  it('survives the end of all its connections under load', async () => {
    await sql`TRUNCATE email_queue`.execute(database.db)
    const before = server.mails.length
    const worker = startWorker(env)
    await worker.ready()
    await insertMails(database.db, 1_500)
    await waitForMails(server, before + 200)
    const admin = await connectAdmin()
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'fleet email%'`,
    )
    await expectDelivery(worker, 1_500)
  })

  it('ends in time when the database has gone silent', async () => {
    const proxy = await startTcpProxy(Number(new URL(database.url).port))
    onTestFinished(() => proxy.stop())
    const url = new URL(database.workerUrl)
    url.port = String(proxy.port)
    const worker = startWorker({ DATABASE_URL: url.href, SHUTDOWN_SECONDS: '1' })
    await worker.ready()
    proxy.goSilent()
    expect(await worker.stop('SIGINT')).toEqual({ code: 1, signal: null })
    expect(worker.logs.at(-1)).toMatchObject({ level: 'fatal', msg: 'not stopped in time; ending the process' })
  })

  async function connectAdmin(): Promise<pg.Client> {
    const admin = new pg.Client(cluster.adminUrl)
    await admin.connect()
    onTestFinished(() => admin.end())
    return admin
  }

  /** All of it, once; one more afterwards, heard of by NOTIFY. */
  async function expectDelivery(worker: SpawnedWorker, count: number): Promise<void> {
    await waitUntilSent(database.db, count)
    expect(await attemptsOf(database.db, 'sent')).toEqual([1])
    await insertMails(database.db, 1)
    await waitUntilSent(database.db, count + 1)
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
  }
})

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { SpawnedWorker } from '../support/processes.ts'
import { insertMails, waitForMails } from './mails.ts'
import { Ordeal, telling } from './ordeal.ts'
import { setScene } from './scene.ts'

const scene = setScene()
const leaseSeconds = 5

/** With a small pool, a short lease and a poll so frequent that trying again at once would show. */
async function startWorker(smtpUrl: string, env: Record<string, string> = {}): Promise<SpawnedWorker> {
  const all = { EMAIL_LEASE_SECONDS: String(leaseSeconds), EMAIL_POLL_SECONDS: '0.2', DATABASE_POOL_MAX: '2', ...env }
  const worker = scene.startWorker(smtpUrl, { env: all, nodeOptions: telling })
  await worker.ready()
  return worker
}

/** A worker with mail under way. */
async function startLoaded() {
  const server = await scene.startServer()
  const worker = await startWorker(server.url)
  const ordeal = await Ordeal.begin(worker, scene.database.db)
  await insertMails(scene.database.db, 1_500)
  await waitForMails(server, 200)
  return { worker, ordeal }
}

/** Says of a worker that each of its duties fails, and so that it has gone on trying for a while. */
async function isRefusedEverything(worker: SpawnedWorker, code: string): Promise<void> {
  for (const duty of ['drain of email', 'rescue of expired leases of email']) {
    expect(await worker.logged(`${duty} fails; trying again`)).toMatchObject({ err: { code } })
  }
}

describe('a database that refuses', () => {
  it('everything, as a server that only reads since another has taken over, is left for the one that writes', async () => {
    const { worker, ordeal } = await startLoaded()
    await alterDatabase('SET default_transaction_read_only = on')
    onTestFinished(() => alterDatabase('RESET default_transaction_read_only'))
    await endSessions()
    await isRefusedEverything(worker, '25006')
    await ordeal.expectCalm()
    // Sessions that were opened meanwhile stay as they are: they have to be given up.
    await alterDatabase('RESET default_transaction_read_only')
    await ordeal.expectRecovery(1_500)
  })

  it('more connections is asked again until it has room', async () => {
    const { worker, ordeal } = await startLoaded()
    await alterDatabase('CONNECTION LIMIT 0')
    onTestFinished(() => alterDatabase('CONNECTION LIMIT -1'))
    await endSessions()
    await isRefusedEverything(worker, '53300')
    await ordeal.expectCalm()
    await alterDatabase('CONNECTION LIMIT -1')
    await ordeal.expectRecovery(1_500)
  })

  describe('what needs space', () => {
    beforeEach(() => makeDisk())
    afterEach(() => removeDisk())

    it('is asked again until its disk has room', async () => {
      const { worker, ordeal } = await startLoaded()
      await setDiskFull(true)
      await isRefusedEverything(worker, '53100')
      await ordeal.expectCalm()
      await setDiskFull(false)
      await ordeal.expectRecovery(1_500)
    })
  })
})

describe('other programs', () => {
  it('that lock the table for longer than a worker waits hold up mail for as long, and no longer', async () => {
    const server = await scene.startServer()
    const worker = await startWorker(server.url, { EMAIL_LEASE_SECONDS: '20' })
    const ordeal = await Ordeal.begin(worker, scene.database.db)
    await hold(
      `LOCK TABLE email_queue IN ACCESS EXCLUSIVE MODE;
       INSERT INTO email_queue (recipient_to, subject, body) SELECT 'a@example.com', n, 'Hello' FROM generate_series(1, 100) n`,
      17,
    )
    await ordeal.expectCalm()
    await ordeal.expectRecovery(100)
    // No claim was carried out after its worker had given up waiting for it: nobody would have worked on those rows.
    expect(worker.logs.filter(({ msg }) => msg.startsWith('rescued'))).toEqual([])
  })

  it('that lock rows for seconds, some of them in hand, hold up those alone', async () => {
    const { ordeal } = await startLoaded()
    await hold('SELECT FROM email_queue WHERE id % 3 = 0 FOR UPDATE', 4)
    await ordeal.expectCalm()
    await ordeal.expectRecovery(1_500)
  })
})

it('a mailbox folder that cannot be written to is an outage, and costs no attempt', async () => {
  const folder = join(scene.installation.directory, '.fleet')
  // Whoever runs this may be root, whom no mode keeps out: what keeps out everybody is a file in the folder's place.
  await writeFile(folder, '')
  const worker = await startWorker('mailbox:')
  const ordeal = await Ordeal.begin(worker, scene.database.db)
  await insertMails(scene.database.db, 50)
  await worker.logged(/^outage:/)
  await ordeal.expectCalm()
  await rm(folder)
  await ordeal.expectRecovery(50)
})

async function alterDatabase(change: string): Promise<void> {
  const name = new URL(scene.database.url).pathname.slice(1)
  await sql`ALTER DATABASE ${sql.id(name)} ${sql.raw(change)}`.execute(scene.database.db)
}

/** Of the worker. */
async function endSessions(): Promise<void> {
  await sql`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'fleet email%'`.execute(scene.database.db)
}

/** Locks something for so long, and returns when it is free again. */
async function hold(lock: string, seconds: number): Promise<void> {
  const client = new pg.Client(scene.database.url)
  await client.connect()
  onTestFinished(() => client.end())
  await client.query(`BEGIN; ${lock}; SELECT pg_sleep(${seconds}); COMMIT`)
}

/**
 * A file system that is really full can be had only by mounting one, which not everybody may: a trigger answers what PostgreSQL does
 * where it cannot extend a file.
 */
async function makeDisk(): Promise<void> {
  const { db } = scene.database
  await sql`CREATE TABLE fleet.test_disk (is_full boolean)`.execute(db)
  await sql`INSERT INTO fleet.test_disk VALUES (false)`.execute(db)
  await sql`
    CREATE FUNCTION fleet.test_disk_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
      IF (SELECT is_full FROM fleet.test_disk) THEN
        RAISE SQLSTATE '53100' USING MESSAGE = 'could not extend file: No space left on device';
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  for (const table of ['email_queue', 'fleet.email_handovers', 'fleet.email_attempts']) {
    await sql`
      CREATE TRIGGER test_disk BEFORE INSERT OR UPDATE ON ${sql.table(table)}
        FOR EACH STATEMENT EXECUTE FUNCTION fleet.test_disk_write()`.execute(db)
  }
}

async function setDiskFull(isFull: boolean): Promise<void> {
  await sql`UPDATE fleet.test_disk SET is_full = ${isFull}`.execute(scene.database.db)
}

async function removeDisk(): Promise<void> {
  await sql`DROP FUNCTION fleet.test_disk_write CASCADE`.execute(scene.database.db)
  await sql`DROP TABLE fleet.test_disk`.execute(scene.database.db)
}

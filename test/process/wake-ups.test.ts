import { sql } from 'kysely'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { insertMails, waitForMails, waitUntilSent } from './mails.ts'
import { setScene } from './scene.ts'

const scene = setScene()

/** One that polls every 30 s, and whose pass over what was due when it started is over: it has sent a mail. */
async function startIdleWorker(smtpUrl: string): Promise<void> {
  const worker = scene.startWorker(smtpUrl, { env: { EMAIL_POLL_SECONDS: '30' } })
  await worker.ready()
  await insertMails(scene.database.db, 1)
  await waitUntilSent(scene.database.db, 1)
}

/** Notices of rows that are due, as a worker hears them. */
async function listen(): Promise<readonly string[]> {
  const client = new pg.Client(scene.database.url)
  await client.connect()
  onTestFinished(() => client.end())
  const heard: string[] = []
  client.on('notification', ({ channel }) => heard.push(channel))
  await client.query('LISTEN fleet_email')
  return heard
}

async function insertUnnoticed(count: number): Promise<void> {
  await scene.database.db.transaction().execute(async (trx) => {
    await sql`SET LOCAL fleet.notify = 'off'`.execute(trx)
    await insertMails(trx, count)
  })
}

describe('a worker that idles', () => {
  it('is woken by NOTIFY long before its next poll', async () => {
    const server = await scene.startServer()
    await startIdleWorker(server.url)
    const heard = await listen()
    const insertedAt = performance.now()
    await insertMails(scene.database.db, 1)
    await waitForMails(server, 2)
    expect(performance.now() - insertedAt).toBeLessThan(3_000)
    expect(heard).toEqual(['fleet_email'])
  })

  it('finds by its poll what no NOTIFY told of', async () => {
    const server = await scene.startServer()
    const heard = await listen()
    const worker = scene.startWorker(server.url, { env: { EMAIL_POLL_SECONDS: '0.5' } })
    await worker.ready()
    await insertUnnoticed(1)
    await waitForMails(server, 1)
    expect(heard).toEqual([])
  })

  it('drains when an operator sends a job to email.drain', async () => {
    const server = await scene.startServer()
    await startIdleWorker(server.url)
    await insertUnnoticed(5)
    // The schedule may have one queued in this very second; then one more is refused, and does the same.
    await sql`INSERT INTO pgboss.job (name) VALUES ('email.drain') ON CONFLICT DO NOTHING`.execute(scene.database.db)
    await waitUntilSent(scene.database.db, 6)
    // Nothing but that job starts a pass within 30 s, whichever of its passes finds the rows.
    await expect.poll(readJobs).toContainEqual(expect.objectContaining({ state: 'completed' }))
  })
})

describe('the control plane', () => {
  it('has the queue and its schedule, and lists the process until it has stopped', async () => {
    const server = await scene.startServer()
    const worker = scene.startWorker(server.url)
    await worker.ready()
    await expect.poll(readSchedules).toEqual([{ policy: 'short', cron: '* * * * *', timezone: 'UTC' }])
    await expect.poll(() => readInstance(worker.pid)).toEqual({ name: 'email', stopped: false })
    await worker.stop('SIGTERM')
    expect(await readInstance(worker.pid)).toEqual({ name: 'email', stopped: true })
  })

  it('is joined when it can be, while mail goes out from the start', async () => {
    const server = await scene.startServer()
    const locked = await lockControlPlane()
    const worker = scene.startWorker(server.url)
    await worker.ready()
    await insertMails(scene.database.db, 1)
    await waitUntilSent(scene.database.db, 1)
    await expect.poll(countWaiting).toBeGreaterThan(0)
    expect(await readInstance(worker.pid)).toBeUndefined()
    await locked.release()
    await expect.poll(() => readInstance(worker.pid)).toEqual({ name: 'email', stopped: false })
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  })

  it('is tried again, and said to be missing, where it refuses the worker', async () => {
    const server = await scene.startServer()
    await sql`ALTER TABLE pgboss.version RENAME TO version_gone`.execute(scene.database.db)
    const worker = scene.startWorker(server.url)
    try {
      await worker.ready()
      await worker.logged('not joined to the control plane; the work goes on without')
    } finally {
      await sql`ALTER TABLE pgboss.version_gone RENAME TO version`.execute(scene.database.db)
    }
    await expect.poll(() => readInstance(worker.pid), { timeout: 10_000 }).toEqual({ name: 'email', stopped: false })
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  })
})

async function readJobs(): Promise<unknown[]> {
  const { rows } = await sql`
    SELECT state::text AS state, (output ->> 'claimed')::int AS claimed FROM pgboss.job WHERE name = 'email.drain'`.execute(
    scene.database.db,
  )
  return rows
}

async function readSchedules(): Promise<unknown[]> {
  const { rows } = await sql`
    SELECT q.policy, s.cron, s.timezone FROM pgboss.queue q JOIN pgboss.schedule s USING (name)
     WHERE q.name = 'email.drain'`.execute(scene.database.db)
  return rows
}

/** As a migration of pg-boss's does. */
async function lockControlPlane(): Promise<{ release(): Promise<void> }> {
  const client = new pg.Client(scene.database.url)
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('BEGIN; LOCK TABLE pgboss.version IN ACCESS EXCLUSIVE MODE')
  return { release: async () => void (await client.query('COMMIT')) }
}

async function countWaiting(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted AND relation = 'pgboss.version'::regclass`.execute(
    scene.database.db,
  )
  return rows[0]?.count ?? 0
}

async function readInstance(pid: number): Promise<unknown> {
  const { rows } = await sql`
    SELECT name, stopped_on IS NOT NULL AS stopped FROM pgboss.instance WHERE pid = ${pid}`.execute(scene.database.db)
  return rows[0]
}

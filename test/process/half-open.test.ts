import { sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { duplicates, insertMails, waitForMails } from './mails.ts'
import { Ordeal, telling } from './ordeal.ts'
import { setScene } from './scene.ts'

const scene = setScene()
const connections = 5

it('a worker all of whose connections to the database fall silent under load has new ones soon, and so has pg-boss', async () => {
  const { database } = scene
  const proxy = await startTcpProxy(Number(new URL(database.url).port))
  onTestFinished(() => proxy.stop())
  const url = new URL(database.workerUrl)
  url.port = String(proxy.port)
  const server = await scene.startServer()
  const worker = scene.startWorker(server.url, {
    env: { DATABASE_URL: url.href, EMAIL_LEASE_SECONDS: '20', EMAIL_CONCURRENCY: String(connections) },
    nodeOptions: telling,
  })
  await worker.ready()
  await expect.poll(countSchedules).toBe(1)
  await insertMails(database.db, 1_500)
  await waitForMails(server, 200)
  const ordeal = await Ordeal.begin(worker, database.db)
  proxy.goSilent()
  await worker.logged(/^not listening/)
  await ordeal.expectCalm()
  proxy.openAnew()
  await ordeal.expectRecovery(1_500)
  // What was handed over when silence fell, and no more, may have outlived its lease.
  expect(duplicates(server)).toBeLessThanOrEqual(2 * connections)

  await sql`INSERT INTO pgboss.job (name) VALUES ('email.drain') ON CONFLICT DO NOTHING`.execute(database.db)
  await expect.poll(countWaitingJobs).toBe(0)
})

async function countSchedules(): Promise<number> {
  const { rows } = await sql<{ count: number }>`SELECT count(*)::int AS count FROM pgboss.schedule`.execute(
    scene.database.db,
  )
  return rows[0]?.count ?? 0
}

async function countWaitingJobs(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM pgboss.job WHERE name = 'email.drain' AND state < 'completed'`.execute(
    scene.database.db,
  )
  return rows[0]?.count ?? 0
}

import { type Kysely, sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import type { DB } from '../../src/db/schema.ts'
import type { SpawnedWorker } from '../support/processes.ts'
import type { TestSmtpServer } from '../support/smtp-server.ts'
import { attemptsOf, insertMails } from './mails.ts'
import { Ordeal, telling } from './ordeal.ts'
import { setScene } from './scene.ts'

const scene = setScene()
const connections = 5

/** A worker all of whose connections wait for a server's answer, and what makes the server answer. */
async function startStalled(leaseSeconds: number) {
  const gate = Promise.withResolvers<undefined>()
  let offered = 0
  const server = await scene.startServer({
    message() {
      offered += 1
      return gate.promise
    },
  })
  const worker = await startWorker(server, leaseSeconds)
  await insertMails(scene.database.db, connections)
  await expect.poll(() => offered).toBe(connections)
  return { worker, server, answer: () => gate.resolve(undefined) }
}

async function startWorker(server: TestSmtpServer, leaseSeconds: number): Promise<SpawnedWorker> {
  const env = { EMAIL_CONCURRENCY: String(connections), EMAIL_LEASE_SECONDS: String(leaseSeconds) }
  const worker = scene.startWorker(server.url, { env, nodeOptions: telling })
  await worker.ready()
  return worker
}

// What a clock that jumps does to what is stored: all of it lies further behind, or further ahead.
describe("the database's clock", () => {
  it('jumps ahead by an hour: what is in hand passes to another worker, whose word counts, and nothing is lost', async () => {
    const { db } = scene.database
    // A lease long enough for the jump to be seen before the next renewal mends it.
    const { worker: late, server: stalled, answer } = await startStalled(60)
    const ordeal = await Ordeal.begin(late, db)
    const server = await scene.startServer()
    const other = await startWorker(server, 60)
    await shiftLeases(db, '-1 hour')
    await expect.poll(() => server.mails.length).toBe(connections)
    expect(rescuedBy(late, other)).toEqual([1, 2, 3, 4, 5])
    answer()
    await expect.poll(() => stalled.mails.length).toBe(connections)
    await late.logged(/^outcome not recorded/)

    await ordeal.expectCalm()
    await ordeal.expectRecovery(connections)
    expect(await attemptsOf(db, 'sent')).toEqual([1])
    expect(messageIds(server)).toEqual(messageIds(stalled))
    await expect
      .poll(() => readLedger(db))
      .toEqual([
        { outcome: 'ambiguous', count: connections },
        { outcome: 'sent', count: 2 * connections },
      ])
    // The late one has its connections back.
    await other.stop('SIGTERM')
    await insertMails(db, 10)
    await ordeal.expectRecovery(connections + 10)
  })

  it('jumps back by an hour: a dead worker has its leases for no longer than ever, and a living one keeps its own', async () => {
    const { db } = scene.database
    const leaseSeconds = 5
    const dead = await startStalled(leaseSeconds)
    await dead.worker.stop('SIGKILL')
    const server = await scene.startServer()
    await shiftLeases(db, '1 hour')
    const shiftedAt = performance.now()
    const worker = await startWorker(server, leaseSeconds)
    const ordeal = await Ordeal.begin(worker, db)
    await ordeal.expectRecovery(connections)
    expect(performance.now() - shiftedAt).toBeLessThan((leaseSeconds + 10) * 1000)
    expect(rescuedBy(worker)).toEqual([1, 2, 3, 4, 5])
    expect(await attemptsOf(db, 'sent')).toEqual([1])
    await ordeal.expectCalm()
  })

  it('jumps back and forth under load, and nothing is lost', async () => {
    const { db } = scene.database
    const server = await scene.startServer()
    const worker = await startWorker(server, 5)
    const ordeal = await Ordeal.begin(worker, db)
    await insertMails(db, 1_500)
    for (const mails of [200, 400, 600, 800]) {
      await expect.poll(() => server.mails.length).toBeGreaterThan(mails)
      await shiftLeases(db, mails % 400 === 0 ? '1 hour' : '-1 hour')
    }
    await ordeal.expectRecovery(1_500)
  })
})

async function shiftLeases(db: Kysely<DB>, by: string): Promise<void> {
  await sql`UPDATE email_queue SET leased_until = leased_until + ${by}::interval WHERE status = 'sending'`.execute(db)
}

function rescuedBy(...workers: SpawnedWorker[]): unknown[] {
  const lines = workers.flatMap(({ logs }) => logs.filter(({ msg }) => msg.startsWith('rescued')))
  return lines.map(({ id }) => id).sort()
}

function messageIds({ mails }: TestSmtpServer): unknown[] {
  return mails.map((mail) => mail.header('message-id')).sort()
}

async function readLedger(db: Kysely<DB>): Promise<unknown[]> {
  const { rows } = await sql`
    SELECT outcome, count(*)::int AS count FROM fleet.email_attempts GROUP BY outcome ORDER BY outcome`.execute(db)
  return rows
}

import { sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import type { SpawnedWorker } from '../support/processes.ts'
import { attemptsOf, countByStatus, duplicates, insertMails, waitUntilSent } from './mails.ts'
import { setScene } from './scene.ts'

const scene = setScene()

describe('a worker that dies', () => {
  it('loses nothing: another has its rows back within the lease and 10 s, and what was under way is all that may come twice', async () => {
    const connections = 5
    const leaseSeconds = 5
    const env = { EMAIL_CONCURRENCY: String(connections), EMAIL_LEASE_SECONDS: String(leaseSeconds) }
    const gate = Promise.withResolvers<undefined>()
    let offered = 0
    const server = await scene.startServer({
      message() {
        offered += 1
        return offered > 100 ? gate.promise : undefined
      },
    })
    const workers = [scene.startWorker(server.url, { env }), scene.startWorker(server.url, { env })] as const
    await Promise.all(workers.map((worker) => worker.ready()))
    const [killed, survivor] = workers
    await insertMails(scene.database.db, 400)
    await expect.poll(() => listInHand(killed)).toHaveLength(connections)
    const inHand = await listInHand(killed)
    expect(await killed.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
    const killedAt = performance.now()
    gate.resolve(undefined)

    await waitUntilSent(scene.database.db, 400)
    expect(performance.now() - killedAt).toBeLessThan((leaseSeconds + 10) * 1000)
    expect(duplicates(server)).toBeLessThanOrEqual(connections)
    expect(await attemptsOf(scene.database.db, 'sent')).toEqual([1])
    expect(survivor.logs.filter(({ msg }) => msg.startsWith('rescued')).map(({ id }) => id)).toEqual(
      expect.arrayContaining(inHand),
    )
  })

  it('exits with 1 at an unhandled rejection, and says which', async () => {
    const server = await scene.startServer()
    const forget = `process.on('SIGUSR2', () => { Promise.reject(new Error('forgotten')) })`
    const worker = scene.startWorker(server.url, { nodeOptions: ['--import', `data:text/javascript,${forget}`] })
    await worker.ready()
    expect(await worker.stop('SIGUSR2')).toEqual({ code: 1, signal: null })
    expect(worker.logs.at(-1)).toMatchObject({
      level: 'fatal',
      msg: 'a bug: ending the process',
      err: { message: 'forgotten' },
    })
  })

  it('exits with 1 when it cannot start, with nothing left that keeps it alive', async () => {
    const database = await createTestDatabase()
    onTestFinished(() => database.drop())
    await database.pool.query('DROP SCHEMA pgboss CASCADE')
    const worker = scene.startWorker('smtp://127.0.0.1:1', {
      script: 'workers/lifecycle.ts',
      env: { DATABASE_URL: database.workerUrl },
    })
    expect(await worker.exit).toEqual({ code: 1, signal: null })
    expect(worker.logs).toMatchObject([{ level: 'fatal', msg: 'cannot go on' }])
  })

  it('stops in good order when nobody reads its log any more', async () => {
    const server = await scene.startServer()
    const worker = scene.startWorker(server.url)
    await worker.ready()
    worker.closePipes()
    await insertMails(scene.database.db, 100)
    await waitUntilSent(scene.database.db, 100)
    worker.disconnect()
    expect(await worker.exit).toEqual({ code: 0, signal: null })
    expect(await countByStatus(scene.database.db)).toEqual({ sent: 100 })
  })
})

async function listInHand({ pid }: SpawnedWorker): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT id FROM email_queue WHERE status = 'sending' AND claimed_by LIKE ${`%:${pid}`}`.execute(scene.database.db)
  return rows.map(({ id }) => id)
}

import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort, readiness, scrape } from '../support/metrics-page.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { insertMails, waitForMails, waitUntilSent } from './mails.ts'
import { setScene } from './scene.ts'

const scene = setScene()
const ready = { status: 200, body: { ready: true, reasons: [] } }

/** What is asked before the port is open says nothing. */
function eventually<T>(ask: () => Promise<T>) {
  return expect.poll(() => ask().catch((err: unknown) => err))
}

describe('the metrics of a worker', () => {
  it('tell what it delivers, while it does and afterwards', async () => {
    const port = await freePort()
    const server = await scene.startServer({
      recipient: (address) => (address === 'user7@example.com' ? '550 5.1.1 no such user' : undefined),
    })
    const worker = scene.startWorker(server.url, { env: { METRICS_PORT: String(port) } })
    await worker.ready()
    expect((await scrape(port)).value('fleet_outcomes_total', { queue: 'email', outcome: 'sent' })).toBe(0)
    await insertMails(scene.database.db, 500)
    await waitForMails(server, 1)
    const during = await scrape(port)
    expect(during.value('fleet_database_up')).toBe(1)
    await waitForMails(server, 499)
    await eventually(async () => (await scrape(port)).value('fleet_outcomes_total', { outcome: 'sent' })).toBe(499)
    const after = await scrape(port)
    expect(after.value('fleet_outcomes_total', { outcome: 'hard_failure' })).toBe(1)
    expect(after.value('fleet_enqueue_to_accept_seconds_count', { queue: 'email' })).toBe(499)
    expect(after.value('fleet_enqueue_to_accept_seconds_bucket', { queue: 'email', le: '86400' })).toBe(499)
    expect(after.value('fleet_in_hand', { queue: 'email' })).toBe(0)
    expect(after.value('fleet_build_info', { worker: 'email', node_version: process.versions.node })).toBe(1)
  })

  it('tell of what waits, whoever is asked', async () => {
    const port = await freePort()
    await insertMails(scene.database.db, 3)
    await scene.database.pool.query(`
      DELETE FROM fleet.workers;
      UPDATE email_queue SET priority = 2, scheduled_at = fleet.utc_now() - interval '2 hours' WHERE id = 1;
      UPDATE email_queue SET scheduled_at = fleet.utc_now() + interval '2 hours' WHERE id = 2;
      UPDATE email_queue SET status = 'held', error_class = 'answer_lost' WHERE id = 3`)
    const lifecycle = scene.startWorker('', {
      script: 'workers/lifecycle.ts',
      env: { METRICS_PORT: String(port), SMTP_URL: undefined },
    })
    await lifecycle.ready()
    const page = await scrape(port)
    const age = page.value('fleet_queue_oldest_due_age_seconds', { queue: 'email', priority: '2' })
    expect(age).toBeGreaterThanOrEqual(7200)
    expect(age).toBeLessThan(7300)
    expect(page.value('fleet_queue_due')).toBe(1)
    expect(page.value('fleet_queue_scheduled')).toBe(1)
    expect(page.value('fleet_queue_held', { queue: 'email' })).toBe(1)
    expect(page.value('fleet_queue_ambiguous', { queue: 'email' })).toBe(1)
    expect(page.value('fleet_workers_alive', { worker: 'lifecycle' })).toBe(1)
    expect(page.value('fleet_workers_alive', { worker: 'email' })).toBe(0)
    await eventually(async () => (await scrape(port)).value('fleet_sweep_lateness_seconds')).toBe(0)
  })

  it('are served on a port above the base for each further instance of PM2', async () => {
    const port = await freePort()
    const server = await scene.startServer()
    const worker = scene.startWorker(server.url, { env: { METRICS_PORT: String(port - 1), NODE_APP_INSTANCE: '1' } })
    await worker.ready()
    expect(await readiness(port)).toEqual(ready)
  })

  it('are a warning where the port is taken, which stops no mail, and come when it is free', async () => {
    const other = createServer()
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const server = await scene.startServer()
    const worker = scene.startWorker(server.url, { env: { METRICS_PORT: String(port) } })
    expect(await worker.logged(/^no metrics/)).toMatchObject({ level: 'warn', port })
    await worker.ready()
    await insertMails(scene.database.db, 1)
    await waitUntilSent(scene.database.db, 1)
    other.close()
    await worker.logged('metrics are served')
    expect(await readiness(port)).toEqual(ready)
  })

  it('are served only where METRICS_PORT says so', async () => {
    const server = await scene.startServer()
    const worker = scene.startWorker(server.url)
    await worker.ready()
    expect(worker.logs.some(({ msg }) => /metrics/.test(String(msg)))).toBe(false)
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  })
})

describe('a worker', () => {
  it('is alive and not ready while it waits for its database', async () => {
    const [port, databasePort] = [await freePort(), await freePort()]
    const url = new URL(scene.database.workerUrl)
    url.port = String(databasePort)
    const server = await scene.startServer()
    scene.startWorker(server.url, { env: { METRICS_PORT: String(port), DATABASE_URL: url.href } })
    await eventually(() => readiness(port)).toEqual({
      status: 503,
      body: { ready: false, reasons: ['waiting for its database'] },
    })
    const healthz = await fetch(`http://127.0.0.1:${port}/healthz`)
    expect(healthz.status).toBe(200)
    const page = await scrape(port)
    expect(page.value('fleet_database_up')).toBe(0)
    expect(page.value('fleet_ready')).toBe(0)
    expect(page.value('fleet_queue_due')).toBeUndefined()
  })

  it('is not ready while its database gives no answers, and ready again when it does', async () => {
    const proxy = await startTcpProxy(Number(new URL(scene.database.url).port))
    onTestFinished(() => proxy.stop())
    const url = new URL(scene.database.workerUrl)
    url.port = String(proxy.port)
    const server = await scene.startServer()
    const scripts = ['workers/email.ts', 'workers/notifications.ts', 'workers/lifecycle.ts']
    const ports = await Promise.all(scripts.map(() => freePort()))
    const workers = scripts.map((script, place) =>
      scene.startWorker(server.url, {
        script,
        env: { METRICS_PORT: String(ports[place]), DATABASE_URL: url.href },
      }),
    )
    await Promise.all(workers.map((worker) => worker.ready()))
    for (const port of ports) expect(await readiness(port)).toEqual(ready)
    proxy.goSilent()
    for (const port of ports) {
      await eventually(() => readiness(port)).toMatchObject({
        status: 503,
        body: { reasons: expect.arrayContaining([expect.stringMatching(/heartbeat: no success for \d+ s/)]) },
      })
      expect((await scrape(port)).value('fleet_database_up')).toBe(0)
    }
    proxy.openAnew()
    for (const port of ports) {
      await expect.poll(() => readiness(port), { timeout: 60_000 }).toEqual(ready)
      expect((await scrape(port)).value('fleet_database_up')).toBe(1)
    }
  }, 120_000)

  it('is not ready while it finishes what is in hand', async () => {
    const port = await freePort()
    const answer = Promise.withResolvers<undefined>()
    const server = await scene.startServer({ message: () => answer.promise })
    const worker = scene.startWorker(server.url, { env: { METRICS_PORT: String(port) } })
    await worker.ready()
    await insertMails(scene.database.db, 1)
    await eventually(async () => (await scrape(port)).value('fleet_in_hand')).toBe(1)
    worker.signal('SIGTERM')
    await eventually(() => readiness(port)).toEqual({ status: 503, body: { ready: false, reasons: ['stopping'] } })
    answer.resolve(undefined)
    expect(await worker.exit).toEqual({ code: 0, signal: null })
    await expect(readiness(port)).rejects.toThrow()
  })

  it('is ready in an outage of the mail server, and tells of it', async () => {
    const port = await freePort()
    const server = await scene.startServer({ mail: () => '421 4.3.2 later' })
    const worker = scene.startWorker(server.url, { env: { METRICS_PORT: String(port) } })
    await worker.ready()
    await insertMails(scene.database.db, 1)
    await eventually(async () =>
      (await scrape(port)).value('fleet_outage_seconds', { queue: 'email' }),
    ).toBeGreaterThan(0)
    expect(await readiness(port)).toEqual(ready)
  })
})

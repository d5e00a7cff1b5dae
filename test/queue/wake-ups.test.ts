import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { WakeUps } from '../../src/queue/wake-ups.ts'
import { Vitals } from '../../src/runtime/vitals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let database: TestDatabase
let proxy: TcpProxy
let wakes: number

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  wakes = 0
  proxy = await startTcpProxy(Number(new URL(database.url).port))
  onTestFinished(() => proxy.stop())
})

/** Listens through the proxy. */
function createWakeUps(): WakeUps {
  const url = new URL(database.url)
  url.port = String(proxy.port)
  const wakeUps = new WakeUps({
    url: url.href,
    applicationName: 'fleet test listen',
    channel: 'fleet_email',
    onWake: () => {
      wakes += 1
    },
    log: pino({ level: 'silent' }),
    vitals: new Vitals(),
  })
  onTestFinished(() => wakeUps.stop())
  return wakeUps
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await act()
  return performance.now() - startedAt
}

describe('wake-ups', () => {
  it('come with each notice, and once for each new connection', async () => {
    const wakeUps = createWakeUps()
    await wakeUps.start()
    expect(wakes).toBe(1)
    await database.pool.query('NOTIFY fleet_email')
    await expect.poll(() => wakes, { timeout: 10_000 }).toBe(2)
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fleet test listen'`,
    )
    await expect.poll(() => wakes, { timeout: 10_000 }).toBe(3)
    await database.pool.query('NOTIFY fleet_email')
    await expect.poll(() => wakes, { timeout: 10_000 }).toBe(4)
  })

  it('stop without the goodbye of a server that has gone silent', async () => {
    const wakeUps = createWakeUps()
    await wakeUps.start()
    proxy.goSilent()
    expect(await timed(() => wakeUps.stop())).toBeLessThan(4_000)
  })

  it('stop while they connect', async () => {
    proxy.goSilent()
    const wakeUps = createWakeUps()
    const started = wakeUps.start()
    expect(await timed(() => wakeUps.stop())).toBeLessThan(4_000)
    await started
    expect(wakes).toBe(0)
  })
})

import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { connectDatabase } from '../../src/db/pool.ts'
import { joinControlPlane } from '../../src/queue/control-plane.ts'
import { Vitals } from '../../src/runtime/vitals.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

it('does not wait for ever, connections in hand, for a database that has gone silent', async () => {
  const test = await createTestDatabase()
  const proxy = await startTcpProxy(Number(new URL(test.url).port))
  const url = new URL(test.url)
  url.port = String(proxy.port)
  const database = connectDatabase({ url: url.href, applicationName: 'test', max: 1 })
  let runs = 0
  const run = async () => ({ runs: ++runs })
  const log = pino({ level: 'silent' })
  const joined = await joinControlPlane({ database, instanceName: 'test', log, vitals: new Vitals() }, [
    { queue: 'test', schedule: '0 0 1 1 *', run },
  ])
  onTestFinished(async () => {
    await joined.stop()
    await database.close()
    await proxy.stop()
    await test.drop()
  })
  const { pool } = database
  await expect.poll(() => pool.idleCount).toBe(1)
  proxy.goSilent()
  await expect.poll(() => pool.waitingCount).toBeGreaterThan(0)
  proxy.openAnew()
  await test.pool.query(`INSERT INTO pgboss.job (name) VALUES ('test')`)
  await expect.poll(() => runs).toBe(1)
})

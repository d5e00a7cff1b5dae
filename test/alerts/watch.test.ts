import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { startAlertWatch } from '../../src/alerts/watch.ts'
import { loadConfig } from '../../src/config/config.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { whyNotReady } from '../../src/metrics/readiness.ts'
import { Vitals } from '../../src/runtime/vitals.ts'

it('a worker that cannot look for alerts does its work all the same', async () => {
  const vitals = new Vitals()
  const database = connectDatabase({ url: 'postgres://nobody@127.0.0.1:1/nothing', applicationName: 'fleet-test' })
  const watch = startAlertWatch({
    ...{ database, config: loadConfig({ env: {}, root: '/nowhere' }), owner: 'email@a:1', tellsOfDatabase: false },
    ...{ vitals, log: pino({ level: 'silent' }) },
  })
  onTestFinished(async () => {
    await watch.stop()
    await database.close()
  })
  const { pulses } = vitals
  expect(pulses).toMatchObject([{ name: 'alerts' }])
  const inAnHour = performance.now() + 3_600_000
  const workers = [{ name: 'email', blocked: undefined, pulses }]
  expect(whyNotReady({ phase: 'working', workers, now: inAnHour })).toEqual([])
})

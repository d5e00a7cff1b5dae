import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FleetReport } from '../../src/metrics/fleet-report.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

it.each([
  ['email', ['email']],
  ['telegram', ['telegram']],
  ['notifications', ['notifications', 'telegram', 'sms', 'system']],
])('a pause of %s is told of %j', async (queue, paused) => {
  await database.pool.query(
    `TRUNCATE fleet.pauses; INSERT INTO fleet.pauses (queue, reason, paused_by) VALUES ('${queue}', 'r', 'me')`,
  )
  const registry = new MetricRegistry()
  await new FleetReport({ registry, db: database.db, log: pino({ level: 'silent' }) }).take()
  const { text } = await registry.render()
  const told = [...text.matchAll(/^fleet_queue_paused\{queue="(\w+)"\} 1$/gm)].map(([, name]) => name)
  expect(told).toEqual(paused)
})

import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectDatabase } from '../../src/db/pool.ts'
import { keepPartitions } from '../../src/maintenance/partitions.ts'
import { applyRetention } from '../../src/maintenance/retention.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { maintenanceOf, setClock } from './maintenance.ts'

let database: TestDatabase
let worker: ReturnType<typeof connectDatabase>

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, '2026-11-24 21:00:00')
  worker = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-test' })
})
afterEach(async () => {
  await worker.close()
  await database.drop()
})

/** With no more rights than a worker has. */
const maintenance = () => ({ ...maintenanceOf(database), db: worker.db })
const off = {
  auditLog: 'off',
  viewSessions: 'off',
  emailArchive: 'off',
  emailBodies: 'off',
  emailAttempts: 'off',
  notificationAttempts: 'off',
  notifications: 'off',
} as const

test('the ledger of attempts at notifications loses the months that are past', async () => {
  await setClock(database, '2026-10-10 00:00:00')
  await keepPartitions(maintenance())
  await sql`
    INSERT INTO fleet.notification_attempts (notification_id, attempt, token, ended_at, outcome)
    SELECT 1, 1, 1, t::timestamptz, 'sent' FROM unnest(ARRAY['2026-09-30', '2026-10-31 23:59:59Z', '2026-11-01Z']) t`.execute(
    worker.db,
  )
  await setClock(database, '2026-12-01 12:00:00')
  const dropped = await applyRetention(maintenance(), { ...off, notificationAttempts: { count: 1, unit: 'months' } })
  expect(dropped).toMatchObject({
    notificationAttempts: { partitions: ['fleet.notification_attempts_2026_10'], rows: 1 },
  })
})

test('marks of notifications that nobody cleared go a day later, and leave behind that nobody knows', async () => {
  await database.pool.query(`
    INSERT INTO notifications (type, status, claim_token, claimed_by, attempts) VALUES
      ('telegram', 'sending', 1, 'worker@host', 1), ('telegram', 'cancelled', 2, 'worker@host', 2), ('telegram', 'sent', 3, 'worker@host', 1);
    INSERT INTO fleet.notification_handovers (token, handed_over_at)
    SELECT token, '2026-11-20 12:00:00Z' FROM generate_series(1, 4) token;
    INSERT INTO fleet.notification_handovers (token, handed_over_at) VALUES (5, '2026-11-24 12:00:00Z');
    INSERT INTO fleet.email_handovers (token, handed_over_at) VALUES (1, '2026-11-24 12:00:00Z')`)
  const retain = async () => (await applyRetention(maintenance(), off)).notificationHandovers
  expect(await Promise.all([retain(), retain()])).toEqual(expect.arrayContaining([{ rows: 0 }, { rows: 3 }]))
  const marks = await database.pool.query('SELECT token::int FROM fleet.notification_handovers ORDER BY 1')
  expect(marks.rows).toEqual([{ token: 1 }, { token: 5 }])
  expect(await database.db.selectFrom('fleet.notification_attempts').selectAll().execute()).toMatchObject([
    {
      notification_id: 2,
      attempt: 2,
      token: '2',
      worker: 'worker@host',
      handed_over_at: new Date('2026-11-20T12:00:00Z'),
      outcome: 'ambiguous',
      error_class: 'worker_died',
    },
  ])
})

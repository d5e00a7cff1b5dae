import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { deleteNotifications } from '../../src/maintenance/notification-retention.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { maintenanceOf } from './maintenance.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE notifications RESTART IDENTITY'))

const aYear = { count: 12, unit: 'months' } as const

async function insert(
  status: string | null,
  createdAt: string | null,
  processedAt: string | null = null,
): Promise<void> {
  await database.pool.query(
    `INSERT INTO notifications (type, status, created_at, processed_at) VALUES ('system', $1, $2, $3)`,
    [status, createdAt, processedAt],
  )
}

async function statuses(): Promise<(string | null)[]> {
  const rows = await database.db.selectFrom('notifications').select('status').orderBy('id').execute()
  return rows.map(({ status }) => status)
}

it('deletes what ended so long ago, and nothing that waits or is held', async () => {
  for (const status of [
    'sent',
    'failed',
    'skipped',
    'cancelled',
    'expired',
    'pending',
    'sending',
    'held',
    'read',
    null,
  ])
    await insert(status, '2020-01-01')
  expect(await deleteNotifications(maintenanceOf(database), aYear)).toEqual({ rows: 5 })
  expect(await statuses()).toEqual(['pending', 'sending', 'held', 'read', 'pending'])
})

it('goes by when they were worked on, or else made', async () => {
  await insert('sent', '2020-01-01', new Date().toISOString())
  await insert('sent', '2020-01-01', '2020-01-02')
  await insert('failed', new Date().toISOString())
  await insert('skipped', null)
  expect(await deleteNotifications(maintenanceOf(database), aYear)).toEqual({ rows: 1 })
  expect(await statuses()).toEqual(['sent', 'failed', 'skipped'])
})

it('keeps all of them while it is off', async () => {
  await insert('sent', '2020-01-01')
  expect(await deleteNotifications(maintenanceOf(database), 'off')).toEqual({ rows: 0 })
  expect(await statuses()).toEqual(['sent'])
})

it('keeps the row that carries a digest as long as one that it carries', async () => {
  for (const _ of [1, 2, 3]) await insert('sent', '2020-01-01')
  await database.pool.query('UPDATE notifications SET digest_of = 1, processed_at = now() WHERE id = 2')
  await database.pool.query('UPDATE notifications SET digest_of = 1 WHERE id = 3')
  expect(await deleteNotifications(maintenanceOf(database), aYear)).toEqual({ rows: 1 })
  await database.pool.query(`UPDATE notifications SET status = 'held' WHERE id = 2`)
  expect(await deleteNotifications(maintenanceOf(database), aYear)).toEqual({ rows: 0 })
  await database.pool.query(`UPDATE notifications SET status = 'sent', processed_at = NULL WHERE id = 2`)
  await database.pool.query(`UPDATE notifications SET processed_at = NULL WHERE id = 2`)
  expect(await deleteNotifications(maintenanceOf(database), aYear)).toEqual({ rows: 2 })
})

it.each([
  ['pending', 0],
  ['sending', 0],
  ['held', 0],
  ['sent', 1],
  ['failed', 1],
])('with a mail that is %s, deletes %i of what somebody has called sent', async (status, rows) => {
  await insert('sent', '2020-01-01')
  await database.pool.query(
    `INSERT INTO email_queue (recipient_to, subject, body, notification_id, status) VALUES ('a@x.example', 's', 'b', 1, $1)`,
    [status],
  )
  expect(await deleteNotifications(maintenanceOf(database), aYear)).toEqual({ rows })
  await database.pool.query('TRUNCATE email_queue')
})

it('shares the work where two do it at once, batch by batch', async () => {
  await database.pool.query(`
    INSERT INTO notifications (type, status, created_at)
    SELECT 'system', CASE WHEN n % 3 = 0 THEN 'held' ELSE 'sent' END, '2020-01-01'::timestamp + (n / 10) * interval '1 second'
      FROM generate_series(1, 9000) n`)
  const deleted = await Promise.all([
    deleteNotifications(maintenanceOf(database), aYear),
    deleteNotifications(maintenanceOf(database), aYear),
  ])
  expect(deleted.reduce((sum, { rows }) => sum + rows, 0)).toBe(6_000)
  expect(new Set(await statuses())).toEqual(new Set(['held']))
})

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { eraseBodies } from '../../src/maintenance/body-retention.ts'
import { archiveEnded, insertMail } from '../ops/mails.ts'
import { plansOf } from '../ops/plans.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { maintenanceOf } from './maintenance.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_archive RESTART IDENTITY'))

const aYear = { count: 12, unit: 'months' } as const
const old = { body: 'Text', html: '<p>', variables: '{"a": 1}', created_at: '2020-01-01', updated_at: '2020-01-02' }

async function bodies(table = 'email_queue') {
  const { rows } = await database.pool.query(
    `SELECT status, subject || body || coalesce(html, '') || coalesce(variables::text, '') AS said, erased_at IS NOT NULL AS erased,
            recipient_to AS "to", updated_at::text AS "updatedAt" FROM ${table} ORDER BY id`,
  )
  return rows
}

const kept = { said: 'HelloText<p>{"a": 1}', erased: false, to: 'ann@example.org', updatedAt: '2020-01-02 00:00:00' }
const gone = { ...kept, said: '', erased: true }

it('erases what mail said that ended so long ago, and nothing that waits or is held', async () => {
  const statuses = ['sent', 'failed', 'cancelled', 'expired', 'pending', 'sending', 'held', 'foreign']
  for (const status of statuses) await insertMail(database.db, { ...old, status })
  await insertMail(database.db, { ...old, status: 'sent', updated_at: new Date() })
  expect(await eraseBodies(maintenanceOf(database), aYear)).toEqual({ rows: 4 })
  const rows = await bodies()
  expect(rows.slice(0, 4)).toEqual(statuses.slice(0, 4).map((status) => ({ ...gone, status })))
  expect(rows.slice(4, 8)).toEqual(statuses.slice(4).map((status) => ({ ...kept, status })))
  expect(rows[8]).toMatchObject({ erased: false, said: kept.said })
  expect(await eraseBodies(maintenanceOf(database), aYear)).toEqual({ rows: 0 })
})

it('does so in the archive, too, with the rights of a worker', async () => {
  await insertMail(database.db, { ...old, status: 'sent' })
  await archiveEnded(database.db)
  await insertMail(database.db, { ...old, status: 'failed' })
  const worker = connectDatabase({ url: database.workerUrl, applicationName: 'worker' })
  const maintenance = { ...maintenanceOf(database), db: worker.db }
  expect(await eraseBodies(maintenance, aYear)).toEqual({ rows: 2 })
  await worker.close()
  expect([await bodies(), await bodies('fleet.email_archive')]).toEqual([
    [{ ...gone, status: 'failed' }],
    [{ ...gone, status: 'sent' }],
  ])
})

it('keeps all of it while it is off', async () => {
  await insertMail(database.db, { ...old, status: 'sent' })
  expect(await eraseBodies(maintenanceOf(database), 'off')).toEqual({ rows: 0 })
  expect(await bodies()).toEqual([{ ...kept, status: 'sent' }])
})

it('shares the work where two do it at once, and passes over what somebody has locked', async () => {
  await database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, status, updated_at)
    SELECT 'a@x.example', 's', 'b', 'sent', '2020-01-01'::timestamp + (n / 10) * interval '1 second' FROM generate_series(1, 5000) n`)
  const client = await database.pool.connect()
  await client.query('BEGIN; SELECT FROM email_queue WHERE id <= 10 FOR UPDATE')
  const both = await Promise.all([1, 2].map(() => eraseBodies(maintenanceOf(database), aYear)))
  expect(both.reduce((sum, { rows }) => sum + rows, 0)).toBe(4_990)
  await client.query('ROLLBACK')
  client.release()
  expect(await eraseBodies(maintenanceOf(database), aYear)).toEqual({ rows: 10 })
})

const clusters: TestCluster[] = []
afterAll(() => Promise.all(clusters.map((cluster) => cluster.remove())))
const majors = await Promise.all(
  ([13, 18] as const).map(async (major) => ({ major, installed: await hasMajor(major) })),
)

for (const { major, installed } of majors) {
  describe.skipIf(!installed)(`on PostgreSQL ${major}, beside much mail that is erased already`, () => {
    it('reads none of it again', async () => {
      const large = await databaseOn(major)
      for (const table of ['email_queue', 'fleet.email_archive']) {
        const isArchive = table !== 'email_queue'
        await large.pool.query(`
          INSERT INTO ${table} (id, recipient_to, subject, body, status, enqueued_at, prio, rescues, updated_at, erased_at
                                ${isArchive ? ', ended_at' : ''})
          SELECT n + ${isArchive ? 100_000 : 0}, 'a@x.example', '', '', 'sent', now(), 5, 0, at, CASE WHEN n > 20 THEN now() END
                 ${isArchive ? ', at' : ''}
            FROM generate_series(1, 20000) n, LATERAL (SELECT '2020-01-01'::timestamp + n * interval '1 minute') AS t (at)`)
        await large.pool.query(`VACUUM ANALYZE ${table}`)
      }
      const plans = await plansOf(large.url, async (db) => {
        expect(await eraseBodies({ ...maintenanceOf(large), db }, aYear)).toEqual({ rows: 40 })
      })
      const text = plans.map((plan) => plan.text).join('\n')
      expect(text).toMatch(/email_queue_unerased/)
      expect(text).not.toMatch(/Seq Scan on (fleet\.)?email/)
      const again = await plansOf(large.url, async (db) => {
        expect(await eraseBodies({ ...maintenanceOf(large), db }, aYear)).toEqual({ rows: 0 })
      })
      expect(again.reduce((sum, { pages }) => sum + pages, 0)).toBeLessThan(100)
      await large.drop()
    })
  })
}

async function databaseOn(major: 13 | 18): Promise<TestDatabase> {
  if (major === 18) return createTestDatabase()
  const cluster = await startCluster({ major })
  clusters.push(cluster)
  const empty = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(empty.db)
  return empty
}

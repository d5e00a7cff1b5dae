import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { archiveMail } from '../../src/maintenance/email-archive.ts'
import { dropPast } from '../../src/maintenance/retention.ts'
import { insertMail } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { maintenanceOf } from './maintenance.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_archive RESTART IDENTITY'))

const days90 = { count: 90, unit: 'days' } as const

/** One mail an hour from 2020 on, of every status in turn; as many as the mails that ended. */
async function insertEnded(count: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO email_queue (recipient_to, subject, body, status, updated_at)
     SELECT 'a@example.org', 's', 'b', (ARRAY['sent', 'failed', 'cancelled', 'expired'])[1 + n % 4],
            '2020-01-01'::timestamp + n * interval '1 hour'
       FROM generate_series(0, $1::integer - 1) n`,
    [count],
  )
}

async function countIn(table: 'email_queue' | 'fleet.email_archive'): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`)
  return rows[0]?.count ?? 0
}

/** Where each mail is: every id must be somewhere, and once. */
async function idsEverywhere(): Promise<number[]> {
  const { rows } = await database.pool.query<{ id: number }>(
    'SELECT id FROM email_queue UNION ALL SELECT id FROM fleet.email_archive ORDER BY id',
  )
  return rows.map(({ id }) => id)
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

describe('archiving', () => {
  it('moves all that ended more than so long ago, each mail into the partition of its month', async () => {
    await insertEnded(2_000)
    await insertMail(database.db, { status: 'held', updated_at: new Date('2020-01-01T00:00:00Z') })
    await insertMail(database.db, { status: 'sent', updated_at: new Date() })
    await insertMail(database.db)
    expect(await archiveMail(maintenanceOf(database), days90)).toEqual({ moved: 2_000 })
    expect(await countIn('email_queue')).toBe(3)
    const { rows } = await database.pool.query(`
      SELECT relname AS partition, count(*)::int AS count, bool_and(ended_at = updated_at) AS same
        FROM fleet.email_archive AS a JOIN pg_class AS c ON c.oid = a.tableoid
       GROUP BY 1 ORDER BY 1`)
    expect(rows).toEqual([
      { partition: 'email_archive_2020_01', count: 744, same: true },
      { partition: 'email_archive_2020_02', count: 696, same: true },
      { partition: 'email_archive_2020_03', count: 560, same: true },
    ])
    expect(await archiveMail(maintenanceOf(database), days90)).toEqual({ moved: 0 })
  })

  it('does nothing while it is off', async () => {
    await insertEnded(4)
    expect(await archiveMail(maintenanceOf(database), 'off')).toEqual({ moved: 0 })
    expect(await countIn('email_queue')).toBe(4)
  })

  it('frees the dedup_key', async () => {
    await insertMail(database.db, { status: 'sent', updated_at: new Date('2020-01-01T00:00:00Z'), dedup_key: 'a' })
    await archiveMail(maintenanceOf(database), days90)
    expect(await insertMail(database.db, { dedup_key: 'a' })).toBe(2)
  })

  it('leaves the planner with what it needs to know', async () => {
    await insertEnded(1_500)
    await archiveMail(maintenanceOf(database), days90)
    const { rows } = await database.pool.query(`
      SELECT relname AS table, reltuples::int AS rows
        FROM pg_class
       WHERE oid IN ('email_queue'::regclass, 'fleet.email_archive_2020_02'::regclass) ORDER BY 1`)
    expect(rows).toEqual([
      { table: 'email_archive_2020_02', rows: 696 },
      { table: 'email_queue', rows: 0 },
    ])
  })

  it('moves each mail once when two do it at once', async () => {
    await insertEnded(3_000)
    const [one, two] = await Promise.all([
      archiveMail(maintenanceOf(database), days90),
      archiveMail(maintenanceOf(database), days90),
    ])
    expect(one.moved + two.moved).toBe(3_000)
    expect(await idsEverywhere()).toEqual(upTo(3_000))
    expect(await countIn('email_queue')).toBe(0)
  })

  it('loses nothing and doubles nothing when it is killed, and goes on', async () => {
    const count = 12_000
    await insertEnded(count)
    for (let killed = 0; killed < 3; killed += 1) {
      const before = await countIn('fleet.email_archive')
      const archiver = fork(join(import.meta.dirname, 'archiver-process.ts'), { env: { DATABASE_URL: database.url } })
      await expect.poll(() => countIn('fleet.email_archive'), { interval: 5, timeout: 20_000 }).toBeGreaterThan(before)
      archiver.kill('SIGKILL')
      await once(archiver, 'exit')
      expect(await idsEverywhere()).toEqual(upTo(count))
    }
    expect(await countIn('email_queue')).toBeGreaterThan(0)
    await archiveMail(maintenanceOf(database), days90)
    expect(await countIn('email_queue')).toBe(0)
    expect(await idsEverywhere()).toEqual(upTo(count))
  })

  it('ends between two batches when it is told to stop', async () => {
    await insertEnded(8)
    const stopping = new AbortController()
    stopping.abort()
    await expect(archiveMail(maintenanceOf(database, stopping.signal), days90)).rejects.toThrow(/abort/)
    expect(await countIn('email_queue')).toBe(8)
  })

  it('refuses where the queue has a column that the archive would lose', async () => {
    await insertEnded(4)
    await database.pool.query('ALTER TABLE email_queue ADD COLUMN campaign text')
    await expect(archiveMail(maintenanceOf(database), days90)).rejects.toThrow(
      /columns that the archive would lose: campaign/,
    )
    expect(await countIn('email_queue')).toBe(4)
    await database.pool.query('ALTER TABLE email_queue DROP COLUMN campaign')
  })
})

describe('the retention of the archive', () => {
  it('drops the months that are past it, and nothing while it is off', async () => {
    const [old, recent] = [new Date('2020-01-15T00:00:00Z'), new Date(Date.now() - 100 * 86_400_000)]
    await insertMail(database.db, { status: 'sent', updated_at: old })
    await insertMail(database.db, { status: 'sent', updated_at: recent })
    await archiveMail(maintenanceOf(database), days90)
    expect(await dropPast(maintenanceOf(database), 'fleet.email_archive', 'off')).toEqual({ partitions: [], rows: 0 })
    const { partitions } = await dropPast(maintenanceOf(database), 'fleet.email_archive', { count: 6, unit: 'months' })
    expect(partitions).toContain('fleet.email_archive_2020_01')
    expect(await idsEverywhere()).toEqual([2])
  })
})

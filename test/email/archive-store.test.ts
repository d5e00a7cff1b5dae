import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  archiveBatch,
  type BatchRequest,
  endedStatuses,
  monthsToArchive,
  readMailColumns,
} from '../../src/email/archive-store.ts'
import { emailStatuses } from '../../src/ops/email-status.ts'
import { insertMail } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_archive RESTART IDENTITY'))

const dayMs = 86_400_000
const daysAgo = (days: number) => new Date(Date.now() - days * dayMs)
const cutoff = daysAgo(90).toISOString().slice(0, 10)
const batch = { status: 'sent', before: cutoff, from: '-infinity', size: 1000 } as const

let columns: readonly string[]
beforeAll(async () => {
  columns = (await readMailColumns(database.db)).kept
})

const archive = (request: Omit<BatchRequest, 'columns'>) => archiveBatch(database.db, { columns, ...request })
const queued = () => database.db.selectFrom('email_queue').selectAll().orderBy('id').execute()
const archived = () => database.db.selectFrom('fleet.email_archive').selectAll().orderBy('id').execute()

describe('the columns of the archive', () => {
  const columnsOf = async (table: string) => {
    const { rows } = await database.pool.query<{ name: string; type: string; required: boolean }>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required
         FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
      [table],
    )
    return new Map(rows.map(({ name, type, required }) => [name, { type, required }]))
  }

  it('are those of email_queue, and two of its own', async () => {
    const [queue, stored] = [await columnsOf('email_queue'), await columnsOf('fleet.email_archive')]
    expect(columns).toEqual([...queue.keys()])
    expect(stored).toEqual(
      new Map([
        ...queue,
        ['ended_at', { type: 'timestamp without time zone', required: true }],
        ['archived_at', { type: 'timestamp with time zone', required: true }],
      ]),
    )
  })

  it('lack what the queue has got since', async () => {
    expect((await readMailColumns(database.db)).lost).toEqual([])
    await database.pool.query('ALTER TABLE email_queue ADD COLUMN campaign text')
    expect(await readMailColumns(database.db)).toEqual({ kept: columns, lost: ['campaign'] })
    await database.pool.query('ALTER TABLE email_queue DROP COLUMN campaign')
  })

  it('are none that the queue computes', async () => {
    await database.pool.query(
      'ALTER TABLE email_queue ADD COLUMN subject_length integer GENERATED ALWAYS AS (length(subject)) STORED',
    )
    expect(await readMailColumns(database.db)).toEqual({ kept: columns, lost: [] })
    await database.pool.query('ALTER TABLE email_queue DROP COLUMN subject_length')
  })
})

describe('a batch', () => {
  it('moves what ended long enough ago, with all that it is', async () => {
    for (const days of [91, 89]) {
      await insertMail(database.db, {
        status: 'sent',
        updated_at: daysAgo(days),
        created_at: daysAgo(days + 1),
        html: '<p>Hi</p>',
        variables: '{"a":[1]}',
        recipients: '{"ann@example.org":{"state":"accepted"}}',
        message_id: '<1@x>',
        claimed_by: 'worker',
        claim_token: '9007199254740993',
      })
    }
    const [before] = await queued()
    expect(await archive(batch)).toMatchObject({ moved: 1 })
    expect((await queued()).map(({ id }) => id)).toEqual([2])
    expect(await archived()).toEqual([{ ...before, ended_at: before?.updated_at, archived_at: expect.any(Date) }])
  })

  it('is about one status, and none in which mail still waits', async () => {
    for (const status of emailStatuses) await insertMail(database.db, { status, updated_at: daysAgo(91) })
    for (const status of endedStatuses) await archive({ ...batch, status })
    expect((await queued()).map(({ status }) => status)).toEqual(['pending', 'sending', 'held'])
  })

  it('begins with what ended first, and goes on where the one before came to', async () => {
    for (const days of [100, 120, 110]) await insertMail(database.db, { status: 'sent', updated_at: daysAgo(days) })
    const first = await archive({ ...batch, size: 2 })
    expect((await archived()).map(({ id }) => id)).toEqual([2, 3])
    expect(first).toEqual({ moved: 2, to: expect.any(String) })
    await insertMail(database.db, { status: 'sent', updated_at: daysAgo(130) })
    expect(await archive({ ...batch, from: first.to ?? '' })).toMatchObject({ moved: 1 })
    expect((await queued()).map(({ id }) => id)).toEqual([4])
  })

  it('goes on among mails that ended at the same moment, to the microsecond', async () => {
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, status, updated_at)
      SELECT 'a@x.org', 's', 'b', 'sent', '2020-01-01 00:00:00.123456' FROM generate_series(1, 25)`)
    let from: string = batch.from
    for (const moved of [10, 10, 5, 0]) {
      const done = await archive({ ...batch, from, size: 10 })
      expect(done.moved).toBe(moved)
      from = done.to ?? from
    }
    expect(from).toBe('2020-01-01 00:00:00.123456')
  })

  it('leaves what another session has locked, without waiting', async () => {
    for (let n = 0; n < 2; n += 1) await insertMail(database.db, { status: 'sent', updated_at: daysAgo(91) })
    await inTransaction('SELECT FROM email_queue WHERE id = 1 FOR UPDATE', async () => {
      expect(await archive(batch)).toMatchObject({ moved: 1 })
    })
    expect((await queued()).map(({ id }) => id)).toEqual([1])
  })

  it('never takes a mail that is replayed meanwhile', async () => {
    const id = await insertMail(database.db, { status: 'failed', updated_at: daysAgo(91) })
    await inTransaction(`UPDATE email_queue SET status = 'pending' WHERE id = ${id}`, async (commit) => {
      expect(await archive({ ...batch, status: 'failed' })).toMatchObject({ moved: 0 })
      await commit()
      expect(await archive({ ...batch, status: 'failed' })).toMatchObject({ moved: 0 })
    })
    expect(await queued()).toMatchObject([{ id, status: 'pending' }])
  })

  it('keeps a mail in exactly one place when archivers and operators work at once', async () => {
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, status, updated_at)
      SELECT 'a@x.org', 's', 'b', 'failed', '2020-01-01'::timestamp + n * interval '1 second' FROM generate_series(1, 2000) n`)
    const archiver = async () => {
      let [from, moved] = ['-infinity', 0]
      for (;;) {
        const done = await archive({ ...batch, status: 'failed', from, size: 50 })
        moved += done.moved
        if (done.to === null) return moved
        from = done.to
      }
    }
    const operator = async () => {
      let replayed = 0
      for (let n = 0; n < 20; n += 1) {
        const { rowCount } = await database.pool.query(
          `UPDATE email_queue SET status = 'pending' WHERE status = 'failed' AND id % 20 = ${n}`,
        )
        replayed += rowCount ?? 0
      }
      return replayed
    }
    const [one, two, replayed] = await Promise.all([archiver(), archiver(), operator()])
    const [inQueue, inArchive] = [await queued(), await archived()]
    expect(inQueue.every(({ status }) => status === 'pending')).toBe(true)
    expect(inQueue).toHaveLength(replayed)
    expect(inArchive).toHaveLength(one + two)
    expect([...inQueue, ...inArchive].map(({ id }) => id).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 2000 }, (_, n) => n + 1),
    )
  })
})

describe('the months to archive', () => {
  it('are those that mail ended in which is due, each once', async () => {
    const days: [string, (typeof endedStatuses)[number] | 'held'][] = [
      ['2024-01-31 23:59:59.999999', 'sent'],
      ['2024-02-01', 'failed'],
      ['2024-02-29', 'sent'],
      ['2025-06-15', 'expired'],
      ['2025-03-01', 'held'],
      ['1970-01-01', 'sent'],
      ['-infinity', 'sent'],
      ['infinity', 'sent'],
    ]
    for (const [updated_at, status] of days) await insertMail(database.db, { status, updated_at })
    await insertMail(database.db, { status: 'cancelled', updated_at: daysAgo(89) })
    expect(await monthsToArchive(database.db, cutoff)).toEqual(['2024-01-01', '2024-02-01', '2025-06-01'])
  })

  it('are none where nothing is due', async () => {
    expect(await monthsToArchive(database.db, cutoff)).toEqual([])
  })
})

/** Acts while a transaction of another session has executed the statement; it is rolled back unless committed. */
async function inTransaction(statement: string, act: (commit: () => Promise<unknown>) => Promise<void>): Promise<void> {
  const client = await database.pool.connect()
  try {
    await client.query('BEGIN')
    await client.query(statement)
    await act(() => client.query('COMMIT'))
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}

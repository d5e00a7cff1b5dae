import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connectDatabase, type Database, type DatabaseOptions } from '../../src/db/pool.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { startPooler } from './pooler.ts'

let target: TestDatabase
let opened: Database[]

beforeEach(async () => {
  target = await createEmptyTestDatabase()
  opened = []
})

afterEach(async () => {
  await Promise.all(opened.map((database) => database.close()))
  await target.drop()
  vi.unstubAllEnvs()
})

function connect(options: Partial<DatabaseOptions> = {}): Database {
  const database = connectDatabase({ url: target.url, applicationName: 'fleet-pool-test', ...options })
  opened.push(database)
  return database
}

describe('a session', () => {
  test('is in UTC with ISO dates, whatever database and machine prefer', async () => {
    await target.pool.query(`DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), 'Asia/Tokyo');
      EXECUTE format('ALTER DATABASE %I SET datestyle = %L', current_database(), 'German');
    END $$`)
    const { rows } = await connect().pool.query(
      "SELECT current_setting('TimeZone') AS zone, timestamptz '2026-11-22 10:00+00' AS instant",
    )
    expect(rows).toEqual([{ zone: 'UTC', instant: new Date('2026-11-22T10:00:00Z') }])
  })

  test('bears the name of its process', async () => {
    const { rows } = await connect().pool.query("SELECT current_setting('application_name') AS name")
    expect(rows).toEqual([{ name: 'fleet-pool-test' }])
  })

  test('cancels a statement that takes too long', async () => {
    const { pool } = connect({ statementTimeoutMs: 50 })
    await expect(pool.query('SELECT pg_sleep(30)')).rejects.toMatchObject({ code: '57014' })
    expect((await connect().pool.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '30s' }])
  })
})

describe('the session of a process that keeps its plans', () => {
  const settings = "SELECT current_setting('enable_seqscan') AS scans, current_setting('jit') AS jit"

  test('never scans a whole table where it can do otherwise, and compiles nothing', async () => {
    const { rows } = await connect({ keepsPlans: true }).pool.query(settings)
    expect(rows).toEqual([{ scans: 'off', jit: 'off' }])
  })

  test('is the only one that plans so', async () => {
    const { rows } = await connect().pool.query(settings)
    expect(rows).toEqual((await target.pool.query(settings)).rows)
    expect(rows).toMatchObject([{ scans: 'on' }])
  })
})

describe('a timestamp without a zone', () => {
  beforeEach(() => {
    vi.stubEnv('TZ', 'Europe/Moscow')
  })

  test.each([
    ['2026-11-22 10:00:00', new Date('2026-11-22T10:00:00Z')],
    ['2026-11-22 10:00:00.123456', new Date('2026-11-22T10:00:00.123Z')],
    ['2026-03-29 02:30:00', new Date('2026-03-29T02:30:00Z')],
    ['infinity', Number.POSITIVE_INFINITY],
    ['-infinity', Number.NEGATIVE_INFINITY],
    ['0044-03-15 12:00:00 BC', new Date('-000043-03-15T12:00:00Z')],
    ['12026-01-01 00:00:00', new Date('+012026-01-01T00:00:00Z')],
    [null, null],
  ])('%s is read as UTC', async (text, expected) => {
    expect((await connect().pool.query('SELECT $1::timestamp AS at', [text])).rows).toEqual([{ at: expected }])
  })

  test('is written as UTC', async () => {
    const { db } = connect()
    const at = new Date('2026-11-22T10:00:00Z')
    const { rows } = await sql`SELECT (${at}::timestamp)::text AS text, ${at}::timestamptz AS instant`.execute(db)
    expect(rows).toEqual([{ text: '2026-11-22 10:00:00', instant: at }])
  })
})

describe('when the server ends a connection', () => {
  const terminate = (applicationName: string) =>
    target.pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      applicationName,
    ])

  test('an idle one is replaced, and one error is reported', async () => {
    const errors: Error[] = []
    const { pool } = connect({ applicationName: 'victim', onError: (error) => errors.push(error) })
    await pool.query('SELECT 1')
    await terminate('victim')
    await vi.waitFor(() => expect(pool.totalCount).toBe(0))
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(errors).toMatchObject([{ code: '57P01' }])
  })

  test('a transaction between two statements fails, and the process lives', async () => {
    const { db } = connect({ applicationName: 'victim' })
    const work = db.transaction().execute(async (trx) => {
      await sql`SELECT 1`.execute(trx)
      await terminate('victim')
      await sql`SELECT 1`.execute(trx)
    })
    await expect(work).rejects.toThrow()
    expect((await sql`SELECT 1 AS one`.execute(db)).rows).toEqual([{ one: 1 }])
  })
})

test('past a pooler, sessions are in UTC, and no timeout is left behind for other programs', async () => {
  const pooler = await startPooler(target.url)
  const { pool } = connect({ url: pooler.url })
  const { rows } = await pool.query(
    "SELECT current_setting('TimeZone') AS zone, current_setting('statement_timeout') AS timeout",
  )
  expect(rows).toEqual([{ zone: 'UTC', timeout: '0' }])
  pooler.close()
})

test('a server out of reach is an error with its code', async () => {
  const { db } = connect({ url: 'postgres://fleet@127.0.0.1:1/fleet' })
  await expect(sql`SELECT 1`.execute(db)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('closing may be repeated, and leaves no session behind', async () => {
  const { pool, close } = connect({ applicationName: 'closing' })
  await Promise.all([1, 2, 3].map(() => pool.query('SELECT pg_sleep(0.01)')))
  await Promise.all([close(), close()])
  await close()
  await vi.waitFor(async () => {
    const { rows } = await target.pool.query("SELECT FROM pg_stat_activity WHERE application_name = 'closing'")
    expect(rows).toEqual([])
  })
})

test('a pool that was never used closes, too', async () => {
  const { pool, close } = connect()
  await close()
  expect(pool.ended).toBe(true)
})

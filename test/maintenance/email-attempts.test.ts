import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectDatabase } from '../../src/db/pool.ts'
import { keepPartitions } from '../../src/maintenance/partitions.ts'
import { applyRetention, dropPast } from '../../src/maintenance/retention.ts'
import { insertMail } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { maintenanceOf, partitionsOf, setClock } from './maintenance.ts'

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
  notificationAttempts: 'off',
  notifications: 'off',
} as const

const insertAttempts = (...times: string[]) =>
  sql`
  INSERT INTO fleet.email_attempts (email_id, attempt, token, ended_at, outcome)
  SELECT 1, 1, 1, t::timestamptz, 'sent' FROM unnest(${times}::text[]) t`.execute(worker.db)

async function places(): Promise<string[]> {
  const { rows } = await database.pool.query<{ place: string }>(`
    SELECT format('%s in %s', ended_at AT TIME ZONE 'UTC', tableoid::regclass) AS place
      FROM fleet.email_attempts ORDER BY ended_at`)
  return rows.map(({ place }) => place)
}

describe('the ledger of attempts', () => {
  test('is partitioned by the months of UTC, those that were there before included', async () => {
    await insertAttempts('2026-11-01 02:59:59+03', '2026-11-01 03:00:00+03', '2026-12-01 00:00:00Z')
    await keepPartitions(maintenance())
    await insertAttempts('2026-12-31 23:59:59Z', '2027-02-28 19:59:59-04', '2027-02-28 20:00:00-04')
    expect(await places()).toEqual([
      '2026-10-31 23:59:59 in email_attempts_default',
      '2026-11-01 00:00:00 in email_attempts_2026_11',
      '2026-12-01 00:00:00 in email_attempts_2026_12',
      '2026-12-31 23:59:59 in email_attempts_2026_12',
      '2027-02-28 23:59:59 in email_attempts_2027_02',
      '2027-03-01 00:00:00 in email_attempts_default',
    ])
    expect((await partitionsOf(database, 'fleet.email_attempts'))[0]).toBe(
      `email_attempts_2026_11 FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')`,
    )
  })

  test('loses whole months that are past, and what is past of the default partition', async () => {
    await insertAttempts('2026-09-30 23:59:59Z')
    await setClock(database, '2026-10-10 00:00:00')
    await keepPartitions(maintenance())
    await insertAttempts('2026-10-31 23:59:59Z', '2026-11-01 00:00:00Z')
    await setClock(database, '2026-12-01 12:00:00')
    const oneMonth = { count: 1, unit: 'months' } as const
    const dropped = { partitions: ['fleet.email_attempts_2026_10'], rows: 1 }
    expect(await applyRetention(maintenance(), { ...off, emailAttempts: oneMonth })).toMatchObject({
      emailAttempts: dropped,
    })
    expect(await places()).toEqual(['2026-11-01 00:00:00 in email_attempts_2026_11'])
    expect(await dropPast(maintenance(), 'fleet.email_attempts', oneMonth)).toEqual({ partitions: [], rows: 0 })
  })
})

describe('marks of messages handed over', () => {
  const insertMark = (token: number, at: string) =>
    database.pool.query(`INSERT INTO fleet.email_handovers (token, handed_over_at) VALUES ($1, $2)`, [token, at])
  const retain = async () => (await applyRetention(maintenance(), { ...off, emailAttempts: 'off' })).emailHandovers
  const marks = async () =>
    (await database.pool.query(`SELECT token::int FROM fleet.email_handovers ORDER BY 1`)).rows.map(
      ({ token }) => token,
    )

  test('go a day later, unless the mail is still being sent', async () => {
    await insertMail(database.db, { status: 'sending', claim_token: '1' })
    await insertMail(database.db, { status: 'pending', claim_token: '2' })
    await insertMark(1, '2026-11-20 12:00:00Z')
    await insertMark(2, '2026-11-23 21:00:00Z')
    await insertMark(3, '2026-11-23 20:59:59Z')
    expect(await retain()).toEqual({ rows: 1 })
    expect(await marks()).toEqual([1, 2])
    expect(await retain()).toEqual({ rows: 0 })
  })

  test('leave behind that nobody knows, where the mail was cancelled in the hands of a worker that died', async () => {
    const cancelled = await insertMail(database.db, {
      status: 'cancelled',
      claim_token: '7',
      claimed_by: 'worker@host',
      claimed_at: new Date('2026-11-20T11:59:59Z'),
      attempts: 2,
    })
    await insertMail(database.db, { status: 'sent', claim_token: '8' })
    await insertMark(7, '2026-11-20 12:00:00Z')
    await insertMark(8, '2026-11-20 12:00:00Z')
    expect(await Promise.all([retain(), retain()])).toEqual(expect.arrayContaining([{ rows: 0 }, { rows: 2 }]))
    expect(await database.db.selectFrom('fleet.email_attempts').selectAll().execute()).toMatchObject([
      {
        email_id: cancelled,
        attempt: 2,
        token: '7',
        worker: 'worker@host',
        claimed_at: new Date('2026-11-20T11:59:59Z'),
        handed_over_at: new Date('2026-11-20T12:00:00Z'),
        outcome: 'ambiguous',
        error_class: 'worker_died',
      },
    ])
  })
})

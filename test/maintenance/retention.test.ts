import { sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cutoffOf } from '../../src/maintenance/months.ts'
import { makePartition } from '../../src/maintenance/partitions.ts'
import { applyRetention, dropPast } from '../../src/maintenance/retention.ts'
import { vacuumIfAllowed } from '../../src/maintenance/vacuum.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fillDefault, insertAudit, maintenanceOf, partitionsOf, placesOf, setClock } from './maintenance.ts'

let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, '2026-11-24 21:00:00')
})
afterEach(() => database.drop())

const auditLog = 'public.audit_log'

async function makeMonths(...months: string[]): Promise<void> {
  for (const month of months) await makePartition(maintenanceOf(database), auditLog, `${month}-01`)
}

const names = async () => (await partitionsOf(database, auditLog)).map((line) => line.split(' ')[0])

test.each([
  [{ count: 1, unit: 'days' }, '2024-03-01T00:00:00Z', '2024-02-29'],
  [{ count: 400, unit: 'days' }, '2026-11-24T21:00:00Z', '2025-10-20'],
  [{ count: 13, unit: 'months' }, '2026-11-24T21:00:00Z', '2025-10-24'],
  [{ count: 1, unit: 'months' }, '2026-03-31T23:59:59Z', '2026-02-28'],
] as const)('%j before %s is %s', (retention, now, day) => {
  expect(cutoffOf(retention, new Date(now))).toBe(day)
})

describe('what is past its retention', () => {
  test('is dropped: whole months only, and single rows of the default partition', async () => {
    await makeMonths('2026-08', '2026-09', '2026-10', '2026-11')
    await insertAudit(database, '2026-08-31', '2026-09-15', '2026-10-01', '2026-11-24')
    await insertAudit(database, '-infinity', '2026-07-31', '2027-01-01', 'infinity')
    // The cut falls into September.
    expect(await dropPast(maintenanceOf(database), auditLog, { count: 70, unit: 'days' })).toEqual({
      partitions: ['public.audit_log_2026_08'],
      rows: 2,
    })
    expect(await names()).toEqual(['audit_log_2026_09', 'audit_log_2026_10', 'audit_log_2026_11'])
    expect(await placesOf(database)).toEqual([
      '2026-09-15 00:00:00 in audit_log_2026_09',
      '2026-10-01 00:00:00 in audit_log_2026_10',
      '2026-11-24 00:00:00 in audit_log_2026_11',
      '2027-01-01 00:00:00 in audit_log_default',
      'infinity in audit_log_default',
    ])
  })

  test('ends where a month ends: the first moment of the next one is not past', async () => {
    await makeMonths('2026-09', '2026-10')
    await setClock(database, '2026-11-01 00:00:00')
    expect(await dropPast(maintenanceOf(database), auditLog, { count: 1, unit: 'months' })).toMatchObject({
      partitions: ['public.audit_log_2026_09'],
    })
    expect(await names()).toEqual(['audit_log_2026_10'])
  })

  test('is gone after the first time: a second one finds nothing', async () => {
    await makeMonths('2026-08')
    await insertAudit(database, '2026-07-31')
    const twice = [1, 2].map(() => dropPast(maintenanceOf(database), auditLog, { count: 1, unit: 'months' }))
    const dropped = await Promise.all(twice)
    expect(dropped.flatMap(({ partitions }) => partitions)).toEqual(['public.audit_log_2026_08'])
    expect(dropped.reduce((sum, { rows }) => sum + rows, 0)).toBe(1)
    expect(await dropPast(maintenanceOf(database), auditLog, { count: 1, unit: 'months' })).toEqual({
      partitions: [],
      rows: 0,
    })
  })

  test('is deleted from the default partition in batches, to its end', async () => {
    await fillDefault(database)
    await insertAudit(database, '2026-11-24')
    expect(await dropPast(maintenanceOf(database), auditLog, { count: 1, unit: 'months' })).toMatchObject({
      rows: 9_000,
    })
    expect((await database.pool.query('SELECT FROM audit_log')).rowCount).toBe(1)
  })

  test('leaves a row that somebody has locked to the next time', async () => {
    await insertAudit(database, '2026-01-01', '2026-01-02')
    const holder = new pg.Client(database.url)
    await holder.connect()
    await holder.query(`BEGIN; SELECT FROM audit_log WHERE created_at = '2026-01-01' FOR UPDATE`)
    expect(await dropPast(maintenanceOf(database), auditLog, { count: 1, unit: 'months' })).toMatchObject({ rows: 1 })
    await holder.end()
    expect(await dropPast(maintenanceOf(database), auditLog, { count: 1, unit: 'months' })).toMatchObject({ rows: 1 })
  })
})

test('nothing is dropped where retention is off, and a visit without a time has no age', async () => {
  await insertAudit(database, '1999-01-01')
  await database.pool.query(`
    INSERT INTO companies (id, name, slug) VALUES (7, 'Acme', 'acme');
    INSERT INTO projects (id, company_id, name, slug) VALUES (7, 7, 'Spring', 'spring');
    INSERT INTO ar_content (id, project_id, company_id, title, image_path) VALUES (7, 7, 7, 'Hall', '/i');
    INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id, created_at) VALUES
      (7, 7, 7, '1999-01-01'), (7, 7, 7, NULL), (7, 7, 7, '2026-11-24')`)
  const off = {
    auditLog: 'off',
    emailArchive: 'off',
    emailBodies: 'off',
    emailAttempts: 'off',
    notificationAttempts: 'off',
    notifications: 'off',
  } as const
  const retention = { ...off, viewSessions: { count: 13, unit: 'months' } } as const
  expect(await applyRetention(maintenanceOf(database), retention)).toEqual({
    auditLog: { partitions: [], rows: 0 },
    viewSessions: { partitions: [], rows: 1 },
    emailArchive: { partitions: [], rows: 0 },
    emailBodies: { rows: 0 },
    emailAttempts: { partitions: [], rows: 0 },
    notificationAttempts: { partitions: [], rows: 0 },
    emailHandovers: { rows: 0 },
    notificationHandovers: { rows: 0 },
    notifications: { rows: 0 },
    sweeps: { rows: 0 },
  })
  expect(await placesOf(database)).toHaveLength(1)
  expect((await database.pool.query('SELECT created_at::text FROM ar_view_sessions ORDER BY id')).rows).toEqual([
    { created_at: null },
    { created_at: '2026-11-24 00:00:00' },
  ])
})

test('no function takes away what is not past', async () => {
  await makeMonths('2026-11')
  for (const call of [
    `drop_partitions('audit_log', '2026-11-25')`,
    `delete_from_default('audit_log', '2026-11-25', 10)`,
  ]) {
    await expect(database.pool.query(`SELECT fleet.${call}`), call).rejects.toThrow('2026-11-25 is not in the past')
  }
})

test('dropping a month waits for nobody who uses the tables that it refers to', async () => {
  await makeMonths('2026-08')
  const session = new pg.Client(database.url)
  await session.connect()
  await session.query(`BEGIN; INSERT INTO users (email, hashed_password, full_name) VALUES ('a@example.com', 'x', 'A')`)
  expect(await dropPast(maintenanceOf(database), auditLog, { count: 1, unit: 'months' })).toMatchObject({
    partitions: ['public.audit_log_2026_08'],
  })
  await session.end()
})

describe('VACUUM', () => {
  test('is done by whoever may', async () => {
    expect(await vacuumIfAllowed(database.db, 'public.audit_log_default')).toBe(true)
    const { rows } = await database.pool.query(`SELECT current_setting('statement_timeout') AS timeout`)
    expect(rows).toEqual([{ timeout: '30s' }])
  })

  test('is left to autovacuum where the role may not', async () => {
    const role = `role_${new URL(database.url).pathname.slice(1)}`
    await database.pool.query(`CREATE ROLE ${role}`)
    await database.pool.query(`GRANT SELECT ON audit_log_default TO ${role}`)
    await database.db.connection().execute(async (connection) => {
      await database.pool.query(`GRANT ${role} TO CURRENT_USER`)
      await sql.raw(`SET ROLE ${role}`).execute(connection)
      expect(await vacuumIfAllowed(connection, 'public.audit_log_default')).toBe(false)
      await sql.raw('RESET ROLE').execute(connection)
    })
    await database.pool.query(`DROP OWNED BY ${role}`)
    await database.pool.query(`DROP ROLE ${role}`)
  })
})

import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrateTo } from '../../src/db/migrator.ts'
import { attachPartition, preparePartition, validatePartition } from '../../src/maintenance/partition-store.ts'
import { countViews } from '../../src/usage/view-count.ts'
import { maintenanceOf, setClock } from '../maintenance/maintenance.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertCompany, insertContents, type Stage, setStage, standStill, viewsOf, visit } from './usage.ts'

let stage: Stage
let database: TestDatabase
beforeEach(async () => {
  stage = await setStage()
  database = stage.database
  await insertContents(database, { 1: 0, 2: 40, 3: null })
})
afterEach(() => stage.end())

const count = () => countViews({ ...maintenanceOf(database), db: stage.worker.db })
const views = () => viewsOf(database)
const insert = (content: number) => database.pool.query(visit(content))

async function openSession(): Promise<pg.Client> {
  const session = new pg.Client(database.url)
  // Its end may be part of a test.
  session.on('error', () => {})
  await session.connect()
  return session
}

test('each visit is added once to what the platform has counted', async () => {
  for (const content of [1, 1, 2, 3]) await insert(content)
  expect(await count()).toEqual({ views: 4, left: 0 })
  expect(await count()).toEqual({ views: 0, left: 0 })
  expect(await views()).toEqual({ 1: 2, 2: 41, 3: 1 })
  await insert(1)
  await count()
  expect(await views()).toEqual({ 1: 3, 2: 41, 3: 1 })
})

test('a statement that inserts many visits counts them all, one that inserts none counts none, and what is rolled back never was', async () => {
  await database.pool.query(`
    INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id)
    SELECT 1 + n % 2, 900, 900 FROM generate_series(1, 100) n`)
  await database.pool.query(`${visit(1).replace('VALUES', 'SELECT * FROM (VALUES')}) v WHERE false`)
  const session = await openSession()
  await session.query(`BEGIN; ${visit(1)}; SAVEPOINT s; ${visit(1)}; ROLLBACK TO s; COMMIT`)
  await session.query(`BEGIN; ${visit(1)}; ROLLBACK`)
  await session.end()
  expect(await count()).toMatchObject({ views: 101 })
  expect(await views()).toEqual({ 1: 51, 2: 90, 3: null })
})

test('a visit that is committed after later ones were counted is counted then', async () => {
  const late = await openSession()
  await late.query(`BEGIN; ${visit(1)}`)
  await insert(1)
  expect(await count()).toEqual({ views: 1, left: 0 })
  await insert(2)
  await late.query(`${visit(1)}; COMMIT`)
  await late.end()
  expect(await count()).toEqual({ views: 3, left: 0 })
  expect(await views()).toEqual({ 1: 3, 2: 41, 3: null })
})

test('passes that run at once, while visits arrive, count each of them once', async () => {
  const arrive = async () => {
    for (let n = 0; n < 100; n += 1) await insert(1 + (n % 3))
  }
  const pass = async () => {
    for (let n = 0; n < 20; n += 1) await count()
  }
  await Promise.all([arrive(), arrive(), pass(), pass(), pass()])
  await count()
  expect(await views()).toEqual({ 1: 68, 2: 106, 3: 66 })
})

test('a pass that is killed midway has counted nothing and lost nothing', async () => {
  for (const content of [1, 2]) await insert(content)
  const holder = await openSession()
  await holder.query('BEGIN; SELECT FROM fleet.uncounted_views WHERE ar_content_id = 2 FOR UPDATE')
  const pass = count().catch((error: Error) => error.message)
  const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await expect.poll(async () => (await database.pool.query(waiting)).rowCount).toBe(1)
  await database.pool.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) w`)
  expect(await pass).toMatch(/terminat/)
  await holder.end()
  expect(await views()).toEqual({ 1: 0, 2: 40, 3: null })
  expect(await count()).toEqual({ views: 2, left: 0 })
  expect(await views()).toEqual({ 1: 1, 2: 41, 3: null })
})

test('content that somebody has locked waits for the next pass, and the rest for nobody', async () => {
  for (const content of [1, 2]) await insert(content)
  const holder = await openSession()
  await holder.query('BEGIN; UPDATE ar_content SET views_count = views_count + 10 WHERE id = 2')
  expect(await count()).toEqual({ views: 1, left: 1 })
  await holder.query('COMMIT')
  await holder.end()
  expect(await count()).toEqual({ views: 1, left: 0 })
  expect(await views()).toEqual({ 1: 1, 2: 51, 3: null })
})

test('what the platform adds to a count while a pass is under way is kept', async () => {
  for (const content of [1, 2]) await insert(content)
  const meanwhile = 'UPDATE ar_content SET views_count = views_count + 10 WHERE id = 2'
  expect(await standStill(database, 'fleet.uncounted_views', { work: count, meanwhile })).toEqual({ views: 2, left: 0 })
  expect(await views()).toEqual({ 1: 1, 2: 51, 3: null })
})

test('a count at the end of its range stays there and stops no other', async () => {
  await database.pool.query('UPDATE ar_content SET views_count = 2147483646 WHERE id = 1')
  for (const content of [1, 1, 2]) await insert(content)
  expect(await count()).toMatchObject({ views: 3 })
  await insert(1)
  await count()
  expect(await views()).toEqual({ 1: 2_147_483_647, 2: 41, 3: null })
})

test('visits to content that is deleted before they are counted are forgotten', async () => {
  for (const content of [1, 2]) await insert(content)
  await database.pool.query('DELETE FROM ar_content WHERE id = 1')
  expect(await count()).toEqual({ views: 1, left: 0 })
  expect((await database.pool.query('SELECT FROM fleet.uncounted_views')).rowCount).toBe(0)
})

test('visits that retention takes away before they are counted are counted', async () => {
  await insert(1)
  await database.pool.query('TRUNCATE ar_view_sessions')
  await count()
  expect(await views()).toMatchObject({ 1: 1 })
})

test('a visit that is changed or moved to another month is the same visit', async () => {
  await insert(1)
  await count()
  await preparePartition(database.db, 'public.ar_view_sessions', '2099-01-01')
  await attachPartition(database.db, 'public.ar_view_sessions', '2099-01-01')
  await database.pool.query(`UPDATE ar_view_sessions SET created_at = '2099-01-15', duration_seconds = 5`)
  expect(await count()).toMatchObject({ views: 0 })
})

test('a visit dated into a month that is just being split off is counted once', async () => {
  await database.pool.query(`
    ALTER TABLE ar_view_sessions DISABLE TRIGGER ar_view_sessions_note;
    INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id, user_agent, created_at)
    SELECT 2, 900, 900, repeat('x', 1000), '2001-01-01' FROM generate_series(1, 9000);
    ALTER TABLE ar_view_sessions ENABLE TRIGGER ar_view_sessions_note`)
  const step = ['public.ar_view_sessions', '2099-01-01'] as const
  const ahead = () =>
    database.pool.query(
      visit(1).replace('company_id)', 'company_id, created_at)').replace('900)', `900, '2099-01-15')`),
    )
  await ahead()
  await preparePartition(database.db, ...step)
  await ahead()
  await validatePartition(database.db, ...step)
  await ahead()
  await attachPartition(database.db, ...step)
  await ahead()
  const { rows } = await database.pool.query(`SELECT count(*)::int AS visits FROM ar_view_sessions_2099_01`)
  expect(rows).toEqual([{ visits: 4 }])
  await count()
  expect(await views()).toEqual({ 1: 4, 2: 40, 3: null })
})

describe('last_viewed_at', () => {
  const lastViewed = async (timezone: string, createdAt: string) => {
    const session = await openSession()
    await session.query(`SET TimeZone = '${timezone}'`)
    await session.query(
      createdAt === 'DEFAULT'
        ? visit(1)
        : visit(1).replace('company_id)', 'company_id, created_at)').replace('900)', `900, ${createdAt})`),
    )
    await session.end()
    await count()
    const { rows } = await database.pool.query<{ at: string | null }>(
      'SELECT last_viewed_at::text AS at FROM ar_content WHERE id = 1',
    )
    return rows[0]?.at
  }
  const now = '2026-11-24 21:00:00'
  beforeEach(() => setClock(database, now))

  test.each([
    ['says nothing', 'NULL', now],
    ['is ahead', `'2026-11-25'`, now],
    ['is no date', `'-infinity'`, now],
    ['is no date either', `'infinity'`, now],
    ['is past', `'2026-11-24 20:59:00'`, '2026-11-24 20:59:00'],
  ])('of a visit whose time %s', async (_, createdAt, expected) => {
    expect(await lastViewed('UTC', createdAt)).toBe(expected)
  })

  test.each(['UTC', 'Europe/Moscow', 'America/St_Johns'])(
    'is the moment in UTC where a session in %s left it to the default',
    async (timezone) => {
      await database.pool.query(`
        CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT now() AT TIME ZONE 'UTC' $$`)
      await lastViewed(timezone, 'DEFAULT')
      const { rows } = await database.pool.query(`
        SELECT now() AT TIME ZONE 'UTC' - last_viewed_at BETWEEN '0' AND interval '10 minutes' AS fits FROM ar_content WHERE id = 1`)
      expect(rows).toEqual([{ fits: true }])
    },
  )

  test('never goes back', async () => {
    await database.pool.query(`UPDATE ar_content SET last_viewed_at = '2026-11-24 20:00' WHERE id = 1`)
    expect(await lastViewed('UTC', `'2026-01-01'`)).toBe('2026-11-24 20:00:00')
  })
})

test('a program that may only insert visits has them counted', async () => {
  const session = await openSession()
  await session.query(`SET ROLE fleet_app; ${visit(1)}`)
  await expect(session.query('SELECT FROM fleet.uncounted_views')).rejects.toThrow('permission denied')
  await session.end()
  expect(await count()).toMatchObject({ views: 1 })
})

test('what is restored elsewhere goes on where it was', async () => {
  for (const content of [1, 1]) await insert(content)
  await count()
  for (const content of [1, 2]) await insert(content)
  const restored = await createTestDatabase()
  // As pg_restore does it: rows before triggers.
  await restored.pool.query(`ALTER TABLE ar_view_sessions DISABLE TRIGGER ar_view_sessions_note`)
  await insertCompany(restored)
  for (const table of ['ar_content', 'ar_view_sessions', 'fleet.uncounted_views']) {
    const { rows } = await database.pool.query(`SELECT to_jsonb(t) AS data FROM ${table} t`)
    for (const { data } of rows)
      await restored.pool.query(`INSERT INTO ${table} SELECT * FROM jsonb_populate_record(NULL::${table}, $1)`, [data])
  }
  await restored.pool.query(`ALTER TABLE ar_view_sessions ENABLE TRIGGER ar_view_sessions_note`)
  // Further than the restored numbers go.
  await restored.pool.query(
    `SELECT setval('fleet.uncounted_views_id_seq', 100), setval('ar_view_sessions_id_seq', 100)`,
  )
  await restored.pool.query(visit(1))
  expect(await countViews(maintenanceOf(restored))).toMatchObject({ views: 3 })
  expect(await viewsOf(restored)).toEqual({ 1: 4, 2: 41, 3: null })
  await restored.drop()
})

test('what was there when the fleet came counts as counted, and what waits when it leaves is counted then', async () => {
  const adopted = await createEmptyTestDatabase()
  const before = '20260306000150_index_subscriptions'
  await migrateTo(adopted.db, before)
  await insertCompany(adopted)
  await insertContents(adopted, { 1: 7, 2: 0 })
  for (const content of [1, 1, 2]) await adopted.pool.query(visit(content))
  await migrateTo(adopted.db, '20260308000100_create_uncounted_views')
  expect(await countViews(maintenanceOf(adopted))).toMatchObject({ views: 0 })
  for (const content of [1, 2]) await adopted.pool.query(visit(content))
  await countViews(maintenanceOf(adopted))
  expect(await viewsOf(adopted)).toEqual({ 1: 8, 2: 1 })
  for (const content of [1, 1]) await adopted.pool.query(visit(content))
  await migrateTo(adopted.db, before)
  expect(await viewsOf(adopted)).toEqual({ 1: 10, 2: 1 })
  await adopted.pool.query(visit(1))
  await adopted.drop()
})

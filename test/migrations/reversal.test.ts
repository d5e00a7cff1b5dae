import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { listMigrations } from '../../src/db/migration-state.ts'
import { migrateDown, migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { countLostRows } from '../../src/ops/lost-rows.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Catalogue, readCatalogue } from './catalogue.ts'
import { insertOneRowEach } from './platform-rows.ts'

const clockAndTypes = '20260101000100_create_clock_and_types'

// Every migration, one by one, in both directions.
vi.setConfig({ testTimeout: 180_000 })

describe('down', () => {
  let database: TestDatabase

  beforeEach(async () => {
    database = await createEmptyTestDatabase()
  })
  afterEach(() => database.drop())

  test('undoes each migration exactly until nothing is left, and up makes the same database again', async () => {
    const { db, pool } = database
    const names = (await listMigrations(db)).map(({ name }) => name)
    const before = new Map<string, Catalogue>()
    for (const name of names) {
      before.set(name, await readCatalogue(pool))
      await migrateTo(db, name)
    }
    const full = await readCatalogue(pool)

    for (const name of names.toReversed()) {
      expect(await migrateDown(db)).toEqual([{ name, direction: 'down', ms: expect.any(Number) }])
      expect.soft(await readCatalogue(pool), `what ${name} leaves`).toEqual(before.get(name))
    }

    await migrateUp(db)
    expect(await readCatalogue(pool)).toEqual(full)
  })

  test('to nothing works on tables that hold rows', async () => {
    const { db, pool } = database
    const empty = await readCatalogue(pool)
    await migrateUp(db)
    await insertOneRowEach(pool)
    await migrateTo(db, null)
    expect(await readCatalogue(pool)).toEqual(empty)
  })

  test('of each migration, and up again, works on tables that hold rows, and loses the rows that it names', async () => {
    const { db, pool } = database
    await migrateUp(db)
    const full = await readCatalogue(pool)
    await insertOneRowEach(pool)
    for (const { name } of (await listMigrations(db)).toReversed()) {
      const named = await countLostRows(db, [name])
      const held = await countRows(pool)
      await migrateDown(db)
      const left = await countRows(pool)
      const lost = [...held].filter(([table, rows]) => rows > 0 && !left.has(table))
      expect(lost, name).toEqual(named.map(({ table, rows }) => [table, rows]))
      await migrateTo(db, name)
      await migrateDown(db)
    }
    await migrateUp(db)
    expect(await readCatalogue(pool)).toEqual(full)
  })

  test('leaves an extension that was there before', async () => {
    const { db, pool } = database
    await pool.query('CREATE EXTENSION "uuid-ossp"')
    const before = await readCatalogue(pool)
    await migrateTo(db, clockAndTypes)
    await migrateTo(db, null)
    expect(await readCatalogue(pool)).toEqual(before)
  })

  test('leaves the extension where other tables use it by now', async () => {
    const { db, pool } = database
    await migrateTo(db, clockAndTypes)
    await pool.query('CREATE TABLE mine (id uuid DEFAULT uuid_generate_v4())')
    await migrateTo(db, null)
    expect((await pool.query('INSERT INTO mine DEFAULT VALUES RETURNING id')).rows).toHaveLength(1)
  })

  test('leaves the schemas that were there before, with their rights, and empties them', async () => {
    const { db, pool } = database
    await pool.query('CREATE SCHEMA fleet; GRANT USAGE ON SCHEMA fleet TO PUBLIC; CREATE SCHEMA pgboss')
    const before = await readCatalogue(pool)
    await migrateUp(db)
    await migrateTo(db, null)
    expect(await readCatalogue(pool)).toEqual(before)
  })

  test('takes back from a schema that was there before what the migrations have granted', async () => {
    const { db, pool } = database
    await pool.query('CREATE SCHEMA fleet')
    const before = await readCatalogue(pool)
    await migrateTo(db, clockAndTypes)
    await migrateTo(db, null)
    expect(await readCatalogue(pool)).toEqual(before)
  })

  test('leaves schema fleet where somebody has put something of their own into it', async () => {
    const { db, pool } = database
    await migrateTo(db, clockAndTypes)
    await pool.query('CREATE TABLE fleet.mine (id integer)')
    await migrateTo(db, null)
    const { rows } = await pool.query(`SELECT relname FROM pg_class WHERE relnamespace = 'fleet'::regnamespace`)
    expect(rows).toEqual([{ relname: 'mine' }])
  })
})

/** Of every table with a name of its own but the fleet's records; a table's partitions count with it. */
async function countRows(pool: pg.Pool): Promise<Map<string, number>> {
  const { rows: tables } = await pool.query<{ label: string; name: string }>(`
    SELECT format('%I.%I', nspname, relname) AS label, CASE nspname WHEN 'public' THEN relname ELSE format('%s.%s', nspname, relname) END AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'p') AND NOT relispartition
       AND (nspname = 'public' OR format('%I.%I', nspname, relname) IN ('pgboss.job', 'pgboss.schedule', 'fleet.email_archive'))
     ORDER BY c.oid`)
  const counted = new Map<string, number>()
  for (const { label, name } of tables) {
    const { rows } = await pool.query<{ count: string }>(`SELECT count(*) FROM ${label}`)
    counted.set(name, Number(rows[0]?.count))
  }
  return counted
}

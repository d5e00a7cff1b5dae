import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listMigrations } from '../../src/db/migration-state.ts'
import { migrateDown, migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Catalogue, readCatalogue } from './catalogue.ts'
import { insertOneRowEach } from './platform-rows.ts'

const clockAndTypes = '20260101000100_create_clock_and_types'

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

  test('leaves schema fleet where somebody has put something of their own into it', async () => {
    const { db, pool } = database
    await migrateTo(db, clockAndTypes)
    await pool.query('CREATE TABLE fleet.mine (id integer)')
    await migrateTo(db, null)
    const { rows } = await pool.query(`SELECT relname FROM pg_class WHERE relnamespace = 'fleet'::regnamespace`)
    expect(rows).toEqual([{ relname: 'mine' }])
    expect((await migrateTo(db, clockAndTypes)).at(-1)).toMatchObject({ name: clockAndTypes, direction: 'up' })
  })
})

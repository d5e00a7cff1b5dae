import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readMigrationScripts } from '../../src/db/migration-script.ts'
import { listMigrations } from '../../src/db/migration-state.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { renderScript } from '../../src/ops/migration-script.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { hasPsql, runStatements, runWithPsql, splitStatements } from '../support/sql-file.ts'
import { readCatalogue } from './catalogue.ts'

describe('a migration', () => {
  test('is the same list of statements whatever the database answers', async () => {
    const silent = await readMigrationScripts([])
    const talking = await readMigrationScripts([{ count: '7', exists: true, name: 'x', oid: 1 }])
    expect(silent.length).toBeGreaterThan(10)
    expect(talking).toEqual(silent)
  })

  test('has one statement in each call, so that outside a transaction each stands by itself', async () => {
    for (const { name, up, down } of await readMigrationScripts()) {
      for (const statement of [...up, ...down])
        expect(splitStatements(statement), `${name}: ${statement}`).toHaveLength(1)
    }
  })

  test('says in its file what it locks or rewrites', async () => {
    for (const { name } of await readMigrationScripts()) {
      const text = await readFile(new URL(`../../migrations/${name}.ts`, import.meta.url), 'utf8')
      expect(text, name).toMatch(/^ \* Locks: \S/m)
    }
  })
})

describe('the SQL of the migrations', () => {
  let byScript: TestDatabase
  let byMigrator: TestDatabase

  beforeEach(async () => {
    byScript = await createEmptyTestDatabase()
    byMigrator = await createEmptyTestDatabase()
  })
  afterEach(() => Promise.all([byScript.drop(), byMigrator.drop()]))

  // Without psql the file goes the other way alone.
  const ways = [
    ['sent statement by statement', runStatements] as const,
    ...(hasPsql() ? [['given to psql', runWithPsql] as const] : []),
  ]
  test.each(ways)('%s makes what up makes, so that up has nothing to do', async (_, run) => {
    const { sql } = await renderScript({ from: null, to: undefined, direction: 'up' })
    await run(byScript.url, sql)
    await migrateUp(byMigrator.db)
    expect(await readCatalogue(byScript.pool)).toEqual(await readCatalogue(byMigrator.pool))
    expect(await migrateUp(byScript.db)).toEqual([])
    const bookkeeping = async ({ db }: TestDatabase) =>
      (await listMigrations(db)).map(({ appliedAt, ...rest }) => ({ ...rest, isApplied: appliedAt !== null }))
    expect(await bookkeeping(byScript)).toEqual(await bookkeeping(byMigrator))
  })

  test('goes on from where a database stands, and back to nothing', async () => {
    const empty = await readCatalogue(byScript.pool)
    const target = '20260101000300_create_companies'
    await migrateTo(byScript.db, target)
    await runStatements(byScript.url, (await renderScript({ from: target, to: undefined, direction: 'up' })).sql)
    expect(await migrateUp(byScript.db)).toEqual([])

    const last = (await listMigrations(byScript.db)).at(-1)?.name ?? ''
    await runStatements(byScript.url, (await renderScript({ from: last, to: target, direction: 'down' })).sql)
    expect((await listMigrations(byScript.db)).filter(({ appliedAt }) => appliedAt !== null).at(-1)?.name).toBe(target)
    await runStatements(byScript.url, (await renderScript({ from: target, to: null, direction: 'down' })).sql)
    expect(await readCatalogue(byScript.pool)).toEqual(empty)
  })

  test('refuses to run where another process migrates, and where it has run already', async () => {
    const { sql } = await renderScript({ from: null, to: '20260101000300_create_companies', direction: 'up' })
    const holder = await byScript.pool.connect()
    await holder.query(`SELECT pg_advisory_lock(hashtextextended('fleet.migrations', 0))`)
    await expect(runStatements(byScript.url, sql)).rejects.toThrow('another process is migrating this database')
    await holder.query('SELECT pg_advisory_unlock_all()')
    holder.release()
    await runStatements(byScript.url, sql)
    await expect(runStatements(byScript.url, sql)).rejects.toThrow(/already exists|duplicate key/)
    expect((await listMigrations(byScript.db)).filter(({ appliedAt }) => appliedAt !== null)).not.toEqual([])
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readCatalogue } from '../../src/db/catalogue/reader.ts'
import { migrationNames } from '../../src/db/migration-files.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

describe('comments', () => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createTestDatabase()
  })
  afterEach(() => database.drop())

  const migrateToBeforeComments = async () => {
    const names = await migrationNames()
    const last = names[names.findIndex((name) => name.includes('_comment_on_')) - 1] ?? null
    await migrateTo(database.db, last)
  }
  const commentOf = async (expression: string) => {
    const { rows } = await database.pool.query<{ text: string | null }>(`SELECT ${expression} AS text`)
    return rows[0]?.text
  }

  test('say of every table, column and view what it holds', async () => {
    const { tables, views } = await readCatalogue(database.db)
    const parts = [...tables, ...views]
      .filter(({ schema }) => schema !== 'pgboss')
      .flatMap((relation) => [
        { name: relation.name, comment: relation.comment },
        ...('indexes' in relation
          ? relation.columns.map(({ name, comment }) => ({ name: `${relation.name}.${name}`, comment }))
          : []),
      ])
    expect(parts.length).toBeGreaterThan(200)
    expect(parts.filter(({ comment }) => comment === null).map(({ name }) => name)).toEqual([])
    for (const { name, comment } of parts) expect(comment, name).toMatch(/^[A-Z0-9a-z].*\.$/)
  })

  test('of others stay, in both directions', async () => {
    await migrateToBeforeComments()
    expect(await commentOf(`obj_description('companies'::regclass)`)).toBeNull()
    await database.pool.query(`
      COMMENT ON TABLE companies IS 'ours';
      COMMENT ON COLUMN users.email IS 'ours, too'`)

    await migrateUp(database.db)
    expect(await commentOf(`obj_description('companies'::regclass)`)).toBe('ours')
    expect(await commentOf(`col_description('users'::regclass, 2)`)).toBe('ours, too')
    expect(await commentOf(`obj_description('users'::regclass)`)).toContain('People')

    await migrateToBeforeComments()
    expect(await commentOf(`obj_description('companies'::regclass)`)).toBe('ours')
    expect(await commentOf(`col_description('users'::regclass, 2)`)).toBe('ours, too')
    expect(await commentOf(`obj_description('users'::regclass)`)).toBeNull()
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { platformColumns as expected, type PlatformColumn } from './platform-columns.ts'

const tables = [...new Set(expected.map(({ table }) => table))]

describe('columns of the platform', () => {
  let database: TestDatabase
  let actual: PlatformColumn[]

  beforeAll(async () => {
    database = await createTestDatabase()
    actual = await readColumns(database)
  })
  afterAll(() => database.drop())

  test('the reference lists sixteen tables and all their columns', () => {
    expect(tables).toHaveLength(16)
    expect(expected).toHaveLength(272)
  })

  test.each(tables)('%s begins with the columns of an existing installation, in their order', (table) => {
    const wanted = expected.filter((column) => column.table === table)
    expect(actual.filter((column) => column.table === table).slice(0, wanted.length)).toEqual(wanted)
  })

  test('an INSERT that names only columns of the platform is accepted: every other one is nullable or has a default', () => {
    const known = new Set(expected.map(({ table, column }) => `${table}.${column}`))
    const added = actual.filter(({ table, column }) => tables.includes(table) && !known.has(`${table}.${column}`))
    expect(added.filter((column) => column.nullable === 'NO' && column.default === '')).toEqual([])
  })
})

async function readColumns({ pool }: TestDatabase): Promise<PlatformColumn[]> {
  const { rows } = await pool.query<PlatformColumn>(`
    SELECT table_name AS "table", column_name AS "column",
           CASE data_type
             WHEN 'character varying' THEN format('varchar(%s)', character_maximum_length)
             WHEN 'numeric'           THEN format('numeric(%s,%s)', numeric_precision, numeric_scale)
             WHEN 'ARRAY'             THEN format('%s[]', ltrim(udt_name, '_'))
             WHEN 'USER-DEFINED'      THEN udt_name
             ELSE data_type
           END AS "type",
           is_nullable AS "nullable",
           coalesce(column_default, '') AS "default"
      FROM information_schema.columns
     WHERE table_schema = 'public'
     ORDER BY table_name, ordinal_position`)
  return rows
}

import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { alembicPage, renderAlembicPage } from '../../scripts/generate-alembic-filter.ts'
import { migrateUp } from '../../src/db/migrator.ts'
import { autogenerate, hasAlembic } from '../support/alembic.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { installPlatform } from './platform-installation.ts'

const page = await readFile(alembicPage, 'utf8')

test('the filter on the page about Alembic names everything that the fleet adds', async () => {
  expect(await renderAlembicPage(page)).toBe(page)
})

// Without Alembic the filter is compared with the schema alone.
if (hasAlembic()) {
  describe('a revision that Alembic generates for an adopted database', () => {
    let platform: TestDatabase
    let adopted: TestDatabase

    beforeEach(async () => {
      platform = await createEmptyTestDatabase()
      adopted = await createEmptyTestDatabase()
      for (const { pool } of [platform, adopted]) await installPlatform(pool, 'in one go')
      await migrateUp(adopted.db)
      await adopted.pool.query(
        `COMMENT ON TABLE orders IS 'What was ordered'; COMMENT ON COLUMN orders.id IS 'Its number'`,
      )
    })
    afterEach(() => Promise.all([platform.drop(), adopted.drop()]))

    test('would drop what the fleet has added, and with the filter drops nothing', async () => {
      const compare = (filter: string) => autogenerate({ models: platform.url, database: adopted.url, filter })
      const unfiltered = await compare('')
      expect(unfiltered).toEqual(
        expect.arrayContaining([
          'remove_table migrations',
          'remove_column None email_queue due_at',
          'remove_index ix_orders_status',
          'remove_table_comment orders',
        ]),
      )
      expect(await compare(filterOf(page))).toEqual([])
    })

    test('still has what others do: a column and a table that are missing from the models, and one that is only there', async () => {
      await adopted.pool.query('ALTER TABLE orders ADD COLUMN discount integer; CREATE TABLE public.plans (id integer)')
      await platform.pool.query('ALTER TABLE clients ADD COLUMN birthday date')
      expect(await autogenerate({ models: platform.url, database: adopted.url, filter: filterOf(page) })).toEqual([
        'remove_table plans',
        'add_column None clients birthday',
        'remove_column None orders discount',
      ])
    })
  })
}

function filterOf(text: string): string {
  return /<!-- filter[^>]*-->\n```python\n([\s\S]*?)\n```\n<!-- end of filter -->/.exec(text)?.[1] ?? ''
}

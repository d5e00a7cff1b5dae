import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/usage.md'), 'utf8')
const statements = [...page.matchAll(/^```sql\n([\s\S]*?)^```/gm)]
  .flatMap(([, block = '']) => block.split(/;\s*\n/))
  .map((statement) => statement.trim())
  .filter((statement) => statement !== '')
const reading = statements.filter((statement) => statement.startsWith('SELECT'))
const changing = statements.filter((statement) => !statement.startsWith('SELECT'))

describe('the SQL in the documentation of views and storage', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    await database.pool.query(`
      INSERT INTO fleet.storage_notices (company_id, percent, used_bytes, quota_gb, is_told, reached_at)
      VALUES (1, 80, 9000000000, 10, true, now())`)
  })
  afterAll(() => database.drop())

  test('is of these kinds', () => {
    expect([reading.length, changing.length]).toEqual([3, 1])
  })

  test.each(reading)('answers, with the rights of who may only read: %s', async (statement) => {
    const client = await database.pool.connect()
    try {
      await client.query('SET ROLE fleet_readonly')
      expect((await client.query(statement)).rows).not.toEqual([])
    } finally {
      await client.query('RESET ROLE')
      client.release()
    }
  })

  test.each(changing)('keeps the fleet from counting: %s', async (statement) => {
    await database.pool.query(statement)
    await database.pool.query(`
      INSERT INTO projects (id, company_id, name, slug) VALUES (900, 1, 'Spring', 'spring');
      INSERT INTO ar_content (id, project_id, company_id, title, image_path) VALUES (900, 900, 1, 'Hall', '/i');
      INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id) VALUES (900, 900, 1)`)
    expect((await database.pool.query('SELECT FROM fleet.uncounted_views')).rowCount).toBe(0)
  })
})

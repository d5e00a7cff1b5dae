import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { foreignZones, inSession } from './foreign-session.ts'
import { insertOneRowEach } from './platform-rows.ts'

const timestampTables = [
  'ar_content',
  'clients',
  'companies',
  'email_queue',
  'folders',
  'orders',
  'projects',
  'storage_connections',
  'storage_folders',
  'videos',
]
const timestamptzTables = ['portraits', 'users']

describe('updated_at', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase()
    await insertOneRowEach(database.pool)
  })
  afterAll(() => database.drop())

  test('these tables of the platform have the column', async () => {
    const { rows } = await database.pool.query(`
      SELECT data_type AS type, array_agg(table_name::text ORDER BY table_name) AS tables
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
       WHERE table_schema = 'public' AND column_name = 'updated_at' AND table_type = 'BASE TABLE'
       GROUP BY data_type ORDER BY data_type DESC`)
    expect(rows).toEqual([
      { type: 'timestamp without time zone', tables: timestampTables },
      { type: 'timestamp with time zone', tables: timestamptzTables },
    ])
  })

  describe.each(foreignZones)('written from a session in %s', (zone) => {
    // Within a transaction now() stands still, so equality is exact.
    test.each(timestampTables)('%s holds the time in UTC', async (table) => {
      const { rows } = await inSession(database.url, zone, (client) =>
        client.query(
          `UPDATE ${table} SET updated_at = 'epoch' RETURNING updated_at = now() AT TIME ZONE 'UTC' AS right`,
        ),
      )
      expect(rows).toEqual([{ right: true }])
    })

    test.each(timestamptzTables)('%s holds the instant', async (table) => {
      const { rows } = await inSession(database.url, zone, (client) =>
        client.query(`UPDATE ${table} SET updated_at = 'epoch' RETURNING updated_at = now() AS right`),
      )
      expect(rows).toEqual([{ right: true }])
    })
  })

  test('is read back as the moment of the update, whatever zone wrote it', async () => {
    const before = Date.now()
    for (const zone of foreignZones) {
      await inSession(database.url, zone, (client) => client.query('UPDATE companies SET notes = $1', [zone]))
      const company = await database.db.selectFrom('companies').select('updated_at').executeTakeFirstOrThrow()
      expect(company.updated_at?.getTime()).toBeGreaterThanOrEqual(before - 1)
      expect(company.updated_at?.getTime()).toBeLessThanOrEqual(Date.now() + 1)
    }
  })

  test('is stamped for a role that has rights on the table and none of the fleet', async () => {
    const role = `test_${randomBytes(6).toString('hex')}`
    await database.pool.query(`CREATE ROLE ${role}`)
    await database.pool.query(`GRANT SELECT, UPDATE ON companies, users TO ${role}`)
    const stamped = await inSession(database.url, 'UTC', async (client) => {
      await client.query(`SET ROLE ${role}`)
      const company = await client.query(`UPDATE companies SET notes = 'x' RETURNING updated_at = now() AS right`)
      const user = await client.query(`UPDATE users SET full_name = 'x' RETURNING updated_at = now() AS right`)
      return [...company.rows, ...user.rows]
    })
    await database.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    expect(stamped).toEqual([{ right: true }, { right: true }])
  })
})

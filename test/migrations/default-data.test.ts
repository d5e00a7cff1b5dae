import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrateDown, migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertOneRowEach } from './platform-rows.ts'

const defaultData = '20260101001100_insert_default_data'

describe('default data', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createEmptyTestDatabase()
    await migrateFrom('Asia/Vladivostok', database.url)
  })
  afterAll(() => database.drop())

  test('holds an administrator whom no password lets in', async () => {
    const users = await database.db
      .selectFrom('users')
      .select(['email', 'role', 'is_active', 'hashed_password'])
      .execute()
    expect(users).toEqual([
      {
        email: 'admin@vertexar.com',
        role: 'admin',
        is_active: true,
        hashed_password: expect.stringMatching(/^\$2b\$12\$[./A-Za-z0-9]{53}$/),
      },
    ])
  })

  test('holds the storage connection and the company that uses it', async () => {
    const companies = await database.db
      .selectFrom('companies as c')
      .innerJoin('storage_connections as s', 's.id', 'c.storage_connection_id')
      .select([
        'c.name as company',
        'c.slug',
        'c.storage_type',
        'c.is_active',
        's.name as storage',
        's.provider',
        's.base_path',
        's.is_default',
      ])
      .execute()
    expect(companies).toEqual([
      {
        company: 'Vertex AR Demo',
        slug: 'vertex-ar-demo',
        storage_type: 'local',
        is_active: true,
        storage: 'default_local',
        provider: 'local_disk',
        base_path: '/app/storage/content',
        is_default: true,
      },
    ])
  })

  test('is dated in UTC, though the session that migrated was far east of it', async () => {
    const { rows } = await database.pool.query(`
      SELECT created_at AS at FROM companies UNION ALL SELECT updated_at FROM companies
      UNION ALL SELECT created_at FROM storage_connections UNION ALL SELECT updated_at FROM storage_connections
      UNION ALL SELECT created_at FROM users`)
    expect(rows).toHaveLength(5)
    for (const { at } of rows) expect(Math.abs(Date.now() - at.getTime())).toBeLessThan(60_000)
  })

  test('goes with its migration and comes back with it', async () => {
    await migrateDown(database.db)
    expect(await names(database)).toEqual({ users: [], connections: [], companies: [] })
    await migrateTo(database.db, defaultData)
    expect(await names(database)).toEqual({
      users: ['admin@vertexar.com'],
      connections: ['default_local'],
      companies: ['Vertex AR Demo'],
    })
  })

  test('stays where it is in use, and is not doubled', async () => {
    await database.pool.query(`
      INSERT INTO projects (company_id, name, slug) SELECT id, 'Spring', 'spring' FROM companies;
      UPDATE users SET hashed_password = 'somebody set one'`)
    const inUse = await names(database)
    await migrateDown(database.db)
    expect(await names(database)).toEqual(inUse)
    await migrateTo(database.db, defaultData)
    expect(await names(database)).toEqual(inUse)
    expect(await database.db.selectFrom('users').select('hashed_password').execute()).toEqual([
      { hashed_password: 'somebody set one' },
    ])
  })

  test('keeps out of the way of rows that other programs made', async () => {
    await migrateUp(database.db)
    await insertOneRowEach(database.pool)
    await migrateTo(database.db, '20260101001000_create_views')
    expect(await names(database)).toEqual({ users: ['anna@example.com'], connections: ['disk'], companies: ['Acme'] })
  })
})

async function migrateFrom(timeZone: string, url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, options: `-c TimeZone=${timeZone}` })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  await migrateTo(db, defaultData)
  await db.destroy()
}

async function names({ db }: TestDatabase) {
  const users = await db.selectFrom('users').select('email').execute()
  const connections = await db.selectFrom('storage_connections').select('name').execute()
  const companies = await db.selectFrom('companies').select('name').execute()
  return {
    users: users.map(({ email }) => email),
    connections: connections.map(({ name }) => name),
    companies: companies.map(({ name }) => name),
  }
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asCompany, insertTwoCompanies } from './policies.ts'

const tables = [
  'companies',
  'projects',
  'folders',
  'clients',
  'orders',
  'portraits',
  'videos',
  'ar_content',
  'video_rotation_schedules',
  'ar_view_sessions',
  'storage_folders',
  'notifications',
] as const

/** Each an INSERT that a session of company 1 is refused: the row would be, or hang off, company 2's. */
const foreignInserts: readonly (readonly [what: string, statement: string])[] = [
  ['a company', `companies (id, name, slug) VALUES (3, 'New', 'new')`],
  ['a project', `projects (company_id, name, slug) VALUES (2, 'x', 'x')`],
  ['a client', `clients (company_id, name) VALUES (2, 'x')`],
  ['a storage folder', `storage_folders (company_id, name, path) VALUES (2, 'x', '/x')`],
  ['a folder in a project', `folders (project_id, name) VALUES (2, 'x')`],
  ['a folder in a folder', `folders (project_id, parent_id, name) VALUES (1, 2, 'x')`],
  ['an order', `orders (company_id, order_number, content_type, amount) VALUES (2, 'x', 'x', 1)`],
  [
    'an order of a client',
    `orders (company_id, client_id, order_number, content_type, amount) VALUES (1, 2, 'x', 'x', 1)`,
  ],
  ['a portrait', `portraits (company_id, file_path) VALUES (2, '/x')`],
  ['a portrait of a client', `portraits (company_id, client_id, file_path) VALUES (1, 2, '/x')`],
  ['a portrait in a folder', `portraits (company_id, folder_id, file_path) VALUES (1, 2, '/x')`],
  ['a portrait in a storage folder', `portraits (company_id, storage_folder_id, file_path) VALUES (1, 2, '/x')`],
  ['a video of a portrait', `videos (portrait_id, file_path) VALUES (2, '/x')`],
  ['content', `ar_content (project_id, company_id, title, image_path) VALUES (1, 2, 'x', '/x')`],
  ['content in a project', `ar_content (project_id, company_id, title, image_path) VALUES (2, 1, 'x', '/x')`],
  [
    'content with a video',
    `ar_content (project_id, company_id, title, image_path, active_video_id) VALUES (1, 1, 'x', '/x', 2)`,
  ],
  ['a schedule of content', `video_rotation_schedules (ar_content_id, rotation_type) VALUES (2, 'daily')`],
  ['a visit', `ar_view_sessions (ar_content_id, project_id, company_id) VALUES (1, 1, 2)`],
  ['a visit to content', `ar_view_sessions (ar_content_id, project_id, company_id) VALUES (2, 1, 1)`],
  ['a visit to a project', `ar_view_sessions (ar_content_id, project_id, company_id) VALUES (1, 2, 1)`],
  ['a notification', `notifications (company_id, type) VALUES (2, 'system')`],
  ['a notification of nobody', `notifications (type) VALUES ('system')`],
  ['a notification about a project', `notifications (company_id, project_id, type) VALUES (1, 2, 'system')`],
  ['a notification about content', `notifications (company_id, ar_content_id, type) VALUES (1, 2, 'system')`],
]

const ownInserts = [
  `projects (company_id, name, slug) VALUES (1, 'x', 'x')`,
  `clients (company_id, name) VALUES (1, 'x')`,
  `storage_folders (company_id, name, path) VALUES (1, 'x', '/x')`,
  `folders (project_id, parent_id, name) VALUES (1, 1, 'x')`,
  `orders (company_id, client_id, order_number, content_type, amount) VALUES (1, 1, 'x', 'x', 1)`,
  `portraits (company_id, client_id, folder_id, storage_folder_id, file_path) VALUES (1, 1, 1, 1, '/x')`,
  `videos (portrait_id, file_path) VALUES (1, '/x')`,
  `ar_content (project_id, company_id, title, image_path, active_video_id) VALUES (1, 1, 'x', '/x', 1)`,
  `video_rotation_schedules (ar_content_id, rotation_type) VALUES (1, 'daily')`,
  `ar_view_sessions (ar_content_id, project_id, company_id) VALUES (1, 1, 1)`,
  `notifications (company_id, project_id, ar_content_id, type) VALUES (1, 1, 1, 'email')`,
]

/** Each an UPDATE that would hand company 1's row 1 to company 2. */
const handovers = [
  'companies SET id = 2',
  'projects SET company_id = 2',
  'clients SET company_id = 2',
  'storage_folders SET company_id = 2',
  'folders SET project_id = 2',
  'orders SET company_id = 2',
  'portraits SET company_id = 2',
  'videos SET portrait_id = 2',
  'ar_content SET company_id = 2',
  'video_rotation_schedules SET ar_content_id = 2',
  'ar_view_sessions SET company_id = 2',
  'notifications SET company_id = 2',
]

const refused = {
  code: '42501',
  message: expect.stringMatching(/^new row violates row-level security policy for table/),
}

describe.each([18, 12] as const)('row-level security on PostgreSQL %i', async (major) => {
  const present = await hasMajor(major)
  describe.skipIf(!present)('switched on', () => {
    let cluster: TestCluster | undefined
    let database: TestDatabase

    beforeAll(async () => {
      if (major === 18) {
        database = await createTestDatabase()
      } else {
        cluster = await startCluster({ major })
        database = await createEmptyTestDatabase(cluster.adminUrl)
        await migrateUp(database.db)
      }
      await insertTwoCompanies(database.pool)
      await database.pool.query('SELECT fleet.enable_row_security(false)')
    })
    afterAll(async () => {
      if (cluster === undefined) return database.drop()
      await database.db.destroy()
      return cluster.remove()
    })

    test.each(tables)('%s: a company sees its own rows only', async (table) => {
      for (const id of [1, 2]) {
        const rows = await asCompany(database, String(id), (session) => session.rows(`SELECT id FROM ${table}`))
        expect(rows).toEqual([{ id }])
      }
    })

    test.each(tables)('%s: a company changes and deletes nothing of another', async (table) => {
      await asCompany(database, '1', async ({ write }) => {
        expect(await write(`UPDATE ${table} SET id = id WHERE id = 2`)).toBe(0)
        expect(await write(`DELETE FROM ${table} WHERE id = 2`)).toBe(0)
      })
    })

    test.each([
      ['is not set', undefined],
      ['is empty', ''],
      ['is no number', 'Company 1'],
      ['has another statement behind it', '1; DROP TABLE companies'],
      ['is negative', '-1'],
      ['is larger than any number', '9'.repeat(40)],
      ['is nobody', '4711'],
    ])('nothing is seen, changed or deleted, without an error, when app.company_id %s', async (_, companyId) => {
      await asCompany(database, companyId, async ({ rows, write }) => {
        for (const table of tables) {
          expect(await rows(`SELECT id FROM ${table}`), table).toEqual([])
          expect(await write(`UPDATE ${table} SET id = id`), table).toBe(0)
          expect(await write(`DELETE FROM ${table}`), table).toBe(0)
        }
      })
    })

    test.each([
      ['not set', undefined],
      ['no number', 'x'],
    ])('nothing is written when it is %s', async (_, companyId) => {
      for (const insert of ownInserts) {
        await asCompany(database, companyId, ({ write }) =>
          expect(write(`INSERT INTO ${insert}`), insert).rejects.toMatchObject(refused),
        )
      }
    })

    test.each(ownInserts)('a company writes its own: %s', async (insert) => {
      await asCompany(database, '1', async ({ write }) => expect(await write(`INSERT INTO ${insert}`)).toBe(1))
    })

    test.each(foreignInserts)("a company cannot write what is another's: %s", async (_, insert) => {
      await asCompany(database, '1', ({ write }) =>
        expect(write(`INSERT INTO ${insert}`)).rejects.toMatchObject(refused),
      )
    })

    test.each(handovers)('a company cannot hand a row to another: %s', async (update) => {
      await asCompany(database, '1', ({ write }) =>
        expect(write(`UPDATE ${update} WHERE id = 1`)).rejects.toMatchObject(refused),
      )
    })

    test.each(['active_projects', 'expiring_subscriptions'])('%s does not go past the policies', async (view) => {
      const read = asCompany(database, '1', ({ rows }) => rows(`SELECT company_name FROM ${view}`))
      if (major < 15)
        await expect(read).rejects.toMatchObject({ code: '42501', message: `permission denied for view ${view}` })
      else expect(await read).toEqual([{ company_name: 'Company 1' }])
    })

    test('deleting a company, or reading with a join, reaches no further either', async () => {
      await asCompany(database, '1', async ({ rows, write }) => {
        const joined = await rows(
          'SELECT v.id FROM videos v JOIN portraits p ON p.id = v.portrait_id JOIN companies c ON true',
        )
        expect(joined).toEqual([{ id: 1 }])
        await write('DELETE FROM notifications')
        expect(await write('DELETE FROM companies')).toBe(1)
      })
    })

    test('a mail is put into the queue, wakes the workers, and cannot be read back but for how it is getting on', async () => {
      await asCompany(database, '1', async ({ rows }) => {
        const insert = `
          INSERT INTO email_queue (recipient_to, subject, body, dedup_key) VALUES ('a@example.com', 's', 'secret', 'k')
          ON CONFLICT (dedup_key) DO NOTHING RETURNING id, status`
        expect(await rows(insert)).toEqual([{ id: expect.any(Number), status: 'pending' }])
        expect(await rows('SELECT status, attempts FROM email_queue')).toEqual([{ status: 'pending', attempts: 0 }])
        await expect(rows('SELECT body FROM email_queue')).rejects.toMatchObject({ code: '42501' })
      })
    })

    test('the audit log is written, and not read', async () => {
      await asCompany(database, '1', async ({ rows }) => {
        const insert = `INSERT INTO audit_log (entity_type, entity_id, action) VALUES ('project', 1, 'create') RETURNING id`
        expect(await rows(insert)).toHaveLength(1)
        await expect(rows('SELECT changes FROM audit_log')).rejects.toMatchObject({ code: '42501' })
      })
    })

    test.each(['fleet_worker', 'fleet_readonly', 'fleet_owner'])(
      '%s sees every row that it has a right to',
      async (role) => {
        const { rows: policies } = await database.pool.query(
          `SELECT count(*)::int AS count FROM pg_policies WHERE policyname = $1 AND $1 = ANY (roles) AND qual = 'true'`,
          [role],
        )
        expect(policies).toEqual([{ count: tables.length }])
        if (role === 'fleet_owner') return
        const client = await database.pool.connect()
        await client.query(`BEGIN; SET LOCAL ROLE ${role}`)
        const { rows } = await client.query('SELECT id FROM projects ORDER BY id')
        await client.query('ROLLBACK')
        client.release()
        expect(rows).toEqual([{ id: 1 }, { id: 2 }])
      },
    )
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertOneRowEach } from './platform-rows.ts'

const expected = `
  ar_content.active_video_id → videos
  ar_content.company_id → companies, cascade
  ar_content.project_id → projects
  ar_view_sessions.ar_content_id → ar_content, cascade
  ar_view_sessions.company_id → companies, cascade
  ar_view_sessions.project_id → projects
  audit_log.actor_id → users
  clients.company_id → companies, cascade
  companies.created_by → users
  companies.storage_connection_id → storage_connections
  folders.parent_id → folders
  folders.project_id → projects, cascade
  notifications.ar_content_id → ar_content
  notifications.company_id → companies
  notifications.project_id → projects
  orders.client_id → clients
  orders.company_id → companies, cascade
  portraits.client_id → clients
  portraits.company_id → companies, cascade
  portraits.folder_id → folders
  portraits.storage_connection_id → storage_connections
  portraits.storage_folder_id → storage_folders
  projects.company_id → companies, cascade
  storage_connections.created_by → users
  storage_folders.company_id → companies, cascade
  video_rotation_schedules.ar_content_id → ar_content, cascade
  videos.portrait_id → portraits, cascade`

describe('foreign keys of the platform', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  test('are there once each, with the delete rules of an existing installation', async () => {
    const { rows } = await database.pool.query<{ key: string }>(`
      SELECT format('%s.%s → %s%s', c.conrelid::regclass, a.attname, c.confrelid::regclass,
                    CASE c.confdeltype WHEN 'a' THEN '' WHEN 'c' THEN ', cascade' ELSE ', ' || c.confdeltype::text END) AS key
        FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
       WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.conparentid = 0`)
    expect(rows.map(({ key }) => key).sort()).toEqual(expected.trim().split(/\n\s*/))
  })

  test('each have an index of their own, named after table and column', async () => {
    const { rows } = await database.pool.query(`
      SELECT format('%s.%s', c.conrelid::regclass, a.attname) AS key
        FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
       WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.conparentid = 0
         AND NOT EXISTS (
               SELECT FROM pg_index i
                WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL AND i.indisvalid
                  AND i.indexrelid::regclass::text = format('ix_%s_%s', c.conrelid::regclass, a.attname))`)
    expect(rows).toEqual([])
  })

  test('a company takes everything that is its own along, once nothing else refers to it', async () => {
    await insertOneRowEach(database.pool)
    await expect(database.pool.query('DELETE FROM companies')).rejects.toMatchObject({ table: 'notifications' })

    await database.pool.query('DELETE FROM notifications')
    await database.pool.query('DELETE FROM companies')

    const { rows } = await database.pool.query(`
      SELECT (SELECT count(*) FROM storage_folders)  + (SELECT count(*) FROM projects) + (SELECT count(*) FROM folders)
           + (SELECT count(*) FROM clients) + (SELECT count(*) FROM orders) + (SELECT count(*) FROM portraits)
           + (SELECT count(*) FROM videos) + (SELECT count(*) FROM ar_content) + (SELECT count(*) FROM video_rotation_schedules)
           + (SELECT count(*) FROM ar_view_sessions) AS own,
             (SELECT count(*) FROM users) + (SELECT count(*) FROM storage_connections) + (SELECT count(*) FROM audit_log) AS others`)
    expect(rows).toEqual([{ own: '0', others: '3' }])
  })
})

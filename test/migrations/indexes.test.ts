import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

/** The specification's named indexes; then those for what its prose says is asked often. */
const expected = `
  ix_users_email UNIQUE users (email)
  ix_users_role users (role)
  ix_users_is_active users (is_active)
  ix_users_created_at users (created_at)
  ix_companies_name UNIQUE companies (name)
  ix_companies_slug UNIQUE companies (slug)
  ix_companies_storage_type companies (storage_type)
  ix_companies_is_active companies (is_active)
  ux_projects_company_slug UNIQUE projects (company_id, slug)
  ix_projects_company_id projects (company_id)
  ix_projects_status projects (status)
  ix_projects_subscription_end projects (subscription_end)

  ix_orders_status orders (status)
  ix_orders_subscription_end orders (subscription_end)
  ix_orders_created_at orders (created_at)
  ix_portraits_status portraits (status)
  ix_portraits_subscription_end portraits (subscription_end)
  ix_videos_status videos (status)
  ix_ar_content_created_at ar_content (created_at)
  ix_video_rotation_schedules_next_rotation_at video_rotation_schedules (next_rotation_at)
  ix_ar_view_sessions_created_at ar_view_sessions (created_at)
  ix_notifications_created_at notifications (created_at)
  ix_audit_log_entity audit_log (entity_type, entity_id)
  ix_audit_log_created_at audit_log (created_at)`

describe('indexes of the platform', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  test.each(expected.trim().split(/\n\s*/))('%s', async (description) => {
    const [name, definition] = splitOnce(description)
    const { rows } = await database.pool.query<{ definition: string }>(
      `SELECT concat_ws(' ', CASE WHEN i.indisunique THEN 'UNIQUE' END,
                        format('%s (%s)', i.indrelid::regclass,
                               (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ', ' ORDER BY k)
                                  FROM generate_series(1, i.indnkeyatts) k))) AS definition
         FROM pg_index i WHERE i.indexrelid = to_regclass($1) AND i.indisvalid AND i.indpred IS NULL`,
      [name],
    )
    expect(rows).toEqual([{ definition }])
  })

  test.each([
    ['orders', 'order_number'],
    ['portraits', 'unique_id'],
    ['ar_content', 'unique_id'],
    ['storage_connections', 'name'],
  ])('%s.%s is a unique constraint', async (table, column) => {
    const { rows } = await database.pool.query<{ definition: string }>(
      `SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'u'`,
      [table],
    )
    expect(rows).toEqual([{ definition: `UNIQUE (${column})` }])
  })

  test('no index is there twice or invalid', async () => {
    const { rows } = await database.pool.query(`
      SELECT indrelid::regclass, array_agg(indexrelid::regclass)
        FROM pg_index
       WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
       GROUP BY indrelid, indkey::text, indclass::text, pg_get_expr(indpred, indrelid), pg_get_expr(indexprs, indrelid)
      HAVING count(*) > 1 OR NOT bool_and(indisvalid)`)
    expect(rows).toEqual([])
  })
})

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(' ')
  return [text.slice(0, at), text.slice(at + 1)]
}

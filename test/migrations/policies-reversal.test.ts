import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrateTo } from '../../src/db/migrator.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const beforePolicies = '20260310000200_grant_roles'
const policies = '20260310000300_create_policies'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

async function found() {
  const { rows } = await database.pool.query(`
    SELECT relname, relrowsecurity, relforcerowsecurity, reloptions,
           ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid ORDER BY 1) AS policies
      FROM pg_class c
     WHERE relnamespace = 'public'::regnamespace AND (relrowsecurity OR relname IN ('active_projects', 'expiring_subscriptions'))
     ORDER BY 1`)
  return rows
}

test('down leaves the row-level security and the policies that a platform had made itself', async () => {
  await migrateTo(database.db, beforePolicies)
  await database.pool.query(`
    ALTER TABLE clients ENABLE ROW LEVEL SECURITY;
    ALTER TABLE clients FORCE ROW LEVEL SECURITY;
    CREATE POLICY mine ON clients USING (true);
    CREATE POLICY also_mine ON orders USING (true);
    ALTER VIEW active_projects SET (security_invoker = true)`)
  const before = await found()

  await migrateTo(database.db, policies)
  await database.pool.query('SELECT fleet.enable_row_security(true)')
  expect(await found()).toHaveLength(14)
  await migrateTo(database.db, beforePolicies)

  expect(await found()).toEqual(before)
  const { rows } = await database.pool.query(`SELECT polname::text FROM pg_policy ORDER BY 1`)
  expect(rows).toEqual([{ polname: 'also_mine' }, { polname: 'mine' }])
})

test('up leaves a view open whose reader would be shut out, and does not give it to fleet_app', async () => {
  const reader = `test_${randomBytes(6).toString('hex')}`
  await migrateTo(database.db, beforePolicies)
  await database.pool.query(`
    CREATE ROLE ${reader} LOGIN;
    GRANT SELECT ON active_projects TO ${reader}`)
  await migrateTo(database.db, policies)

  const state = `
    SELECT relname AS view, reloptions::text[] AS options, has_table_privilege('fleet_app', oid, 'SELECT') AS given
      FROM pg_class WHERE relname IN ('active_projects', 'expiring_subscriptions') ORDER BY 1`
  const guarded = ['security_invoker=true']
  expect((await database.pool.query(state)).rows).toEqual([
    { view: 'active_projects', options: null, given: false },
    { view: 'expiring_subscriptions', options: guarded, given: true },
  ])
  const { rows } = await database.pool.query('SELECT * FROM fleet.roles_losing_sight(false) WHERE role = $1', [reader])
  expect(rows).toEqual([{ role: reader, relation: 'active_projects', commands: ['SELECT'] }])

  await database.pool.query(`GRANT SELECT ON projects, companies TO ${reader}`)
  await database.pool.query('SELECT fleet.apply_roles()')
  expect((await database.pool.query(state)).rows[0]).toEqual({ view: 'active_projects', options: guarded, given: true })
  await database.pool.query(`DROP OWNED BY ${reader}; DROP ROLE ${reader}`)
})

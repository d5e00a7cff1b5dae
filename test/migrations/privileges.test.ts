import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareCatalogues } from '../../src/db/catalogue/comparison.ts'
import { readCatalogue } from '../../src/db/catalogue/reader.ts'
import { expectedCatalogue } from '../../src/db/catalogue/snapshot.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

/** Of each role: S(ELECT), I(NSERT), U(PDATE), D(ELETE) on the whole table; in parentheses on some of its columns only. */
const expected = `
  table                    owner worker app     readonly
  companies                -     S(U)   SIUD    S
  projects                 -     S(U)   SIUD    S
  folders                  -     -      SIUD    S
  clients                  -     S      SIUD    S
  orders                   -     S      SIUD    S
  portraits                -     S(U)   SIUD    S
  videos                   -     S(U)   SIUD    S
  ar_content               -     S(U)   SIUD    S
  video_rotation_schedules -     S(U)   SIUD    S
  ar_view_sessions         -     -      SIUD    S
  storage_folders          -     S(U)   SIUD    S
  notifications            -     SIUD   SIUD    S
  users                    -     -      SIUD    (S)
  storage_connections      -     -      SIUD    (S)
  email_queue              -     SIUD   I(S)    (S)
  audit_log                -     I      I(S)    S
  active_projects          -     -      S       S
  expiring_subscriptions   -     -      S       S
  expiring_portraits       -     -      S       S
  fleet.subscription_stages - S     -       S
  fleet.notices            -     SIUD   -       S
  fleet.lifecycle_acts     -     SIUD   -       S
  fleet.sweeps             -     SIUD   -       S
  fleet.migrations         -     S      -       S
  fleet.adoptions          -     -      -       S
  fleet.adopted_emails     -     -      -       S
  fleet.adopted_notifications - -    -       S
  fleet.email_archive      -     SID(U) -       (S)
  fleet.email_attempts     -     SI     -       S
  fleet.email_handovers    -     SID    -       S
  fleet.notification_attempts - SI    -       S
  fleet.notification_handovers - SID  -       S
  fleet.channels           -     SU     -       S
  fleet.telegram_chats     -     SIU    -       S
  fleet.workers            -     SIUD   -       S
  fleet.outcome_counts     -     SIUD   -       S
  fleet.pauses             -     SIUD   -       S
  fleet.installation       -     SIU    -       S
  fleet.alerts             -     SIUD   -       S
  fleet.alert_watch        -     SIUD   -       S
  fleet.alert_samples      -     SIUD   -       S
  fleet.replays            -     SIUD   -       S
  fleet.replay_items       -     SIUD   -       S
  fleet.telegram_links     -     SID(U) -       -
  fleet.video_bounds       -     SD     -       S
  fleet.rotation_faults    -     SIUD   -       S
  fleet.uncounted_views    -     SD     -       S
  fleet.storage_counts     -     SIUD   -       S
  fleet.storage_notices    -     SI(U)  -       S
  fleet.partitioned_tables -     S      -       S
  fleet.row_security       -     -      -       S
  pgboss.version           -     SU     -       S
  pgboss.queue             -     SIUD   -       S
  pgboss.schedule          -     SIUD   -       S
  pgboss.subscription      -     SIUD   -       S
  pgboss.bam               -     SIUD   -       S
  pgboss.job               -     SIUD   -       S
  pgboss.job_common        -     SIUD   -       -
  pgboss.warning           -     SIUD   -       S
  pgboss.queue_stats       -     SIUD   -       S
  pgboss.job_dependency    -     SIUD   -       S
  pgboss.instance          -     SIUD   -       S`

describe('the rights of the roles', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    // Rights on the database itself do not come with a clone.
    await database.pool.query('SELECT fleet.grant_roles()')
  })
  afterAll(() => database.drop())

  const [, ...lines] = expected.trim().split(/\n\s*/)

  test.each(lines)('%s', async (line) => {
    const [table, ...rights] = line.split(/\s+/)
    const { rows } = await database.pool.query<{ rights: string }>(
      `SELECT coalesce(nullif(concat(
                string_agg(letter, '' ORDER BY position) FILTER (WHERE has_table_privilege(role, $1, command)),
                '(' || string_agg(letter, '' ORDER BY position) FILTER (
                  WHERE NOT has_table_privilege(role, $1, command)
                    AND CASE WHEN command <> 'DELETE' THEN has_any_column_privilege(role, $1, command) END) || ')'), ''), '-') AS rights
         FROM unnest(ARRAY['fleet_owner', 'fleet_worker', 'fleet_app', 'fleet_readonly']) WITH ORDINALITY AS roles (role, number),
              (VALUES (1, 'S', 'SELECT'), (2, 'I', 'INSERT'), (3, 'U', 'UPDATE'), (4, 'D', 'DELETE'))
                AS commands (position, letter, command)
        GROUP BY role, number ORDER BY number`,
      [table],
    )
    expect(rows.map((row) => row.rights)).toEqual(rights)
  })

  test('the table above lists every table and view there is', async () => {
    const { rows } = await database.pool.query<{ name: string }>(`
      SELECT replace(format('%s.%s', relnamespace::regnamespace, relname), 'public.', '') AS name FROM pg_class
       WHERE relkind IN ('r', 'p', 'v', 'm') AND (NOT relispartition OR relname = 'job_common')
         AND relnamespace IN ('public'::regnamespace, 'fleet'::regnamespace, 'pgboss'::regnamespace)`)
    const listed = lines.map((line) => line.split(/\s+/)[0])
    expect(rows.map(({ name }) => name).sort()).toEqual(listed.sort())
  })

  test.each([
    ['users', 'hashed_password'],
    ['storage_connections', 'credentials'],
    ['email_queue', 'body'],
    ['email_queue', 'html'],
    ['email_queue', 'variables'],
    ['fleet.email_archive', 'body'],
  ])('fleet_readonly reads all of %s but %s, and columns like it', async (table, column) => {
    const { rows } = await database.pool.query<{ hidden: string[]; hides: boolean }>(
      `SELECT array_agg(attname::text ORDER BY attnum) AS hidden, $2 = ANY (array_agg(attname::text)) AS hides
         FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
          AND NOT has_column_privilege('fleet_readonly', attrelid, attnum, 'SELECT')`,
      [table, column],
    )
    expect(rows[0]?.hides).toBe(true)
    expect(rows[0]?.hidden).toHaveLength(table.includes('email') ? 3 : 1)
  })

  test.each([
    ['fleet_owner', 'CONNECT, CREATE, TEMPORARY', 'CREATE, USAGE'],
    ['fleet_worker', 'CONNECT', 'USAGE'],
    ['fleet_app', 'CONNECT', 'USAGE'],
    ['fleet_readonly', 'CONNECT', 'USAGE'],
  ])('%s has its own rights to the database (%s) and schema public (%s)', async (role, onDatabase, onSchema) => {
    const { rows } = await database.pool.query(
      `SELECT (SELECT string_agg(privilege_type, ', ' ORDER BY privilege_type)
                 FROM pg_database, aclexplode(datacl) WHERE datname = current_database() AND grantee = $1::regrole) AS database,
              (SELECT string_agg(privilege_type, ', ' ORDER BY privilege_type)
                 FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee = $1::regrole) AS schema`,
      [role],
    )
    expect(rows).toEqual([{ database: onDatabase, schema: onSchema }])
  })

  test.each(['email_queue', 'notifications', 'fleet.email_archive'])(
    'fleet_worker may VACUUM %s, from which it takes many rows',
    async (table) => {
      const { rows } = await database.pool.query(`SELECT has_table_privilege('fleet_worker', $1, 'MAINTAIN') AS may`, [
        table,
      ])
      expect(rows).toEqual([{ may: true }])
    },
  )

  test('no role owns anything, may create roles, log in, or go past row-level security', async () => {
    const { rows } = await database.pool.query(`
      SELECT rolname FROM pg_roles
       WHERE rolname LIKE 'fleet\\_%' AND rolname <> 'fleet_test_worker'
         AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolreplication OR rolbypassrls
              OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid))`)
    expect(rows).toEqual([])
  })

  test('giving them again changes nothing', async () => {
    const read = async () => {
      const { rows } = await database.pool.query(`
        SELECT oid::regclass::text, relacl::text FROM pg_class WHERE relacl IS NOT NULL ORDER BY oid`)
      return rows
    }
    const before = await read()
    await database.pool.query('SELECT fleet.apply_roles()')
    expect(await read()).toEqual(before)
  })
})

test('columns that a platform adds beside secrets are not given to fleet_readonly, and are no difference', async () => {
  const database = await createTestDatabase()
  await database.pool.query(`
    ALTER TABLE users ADD COLUMN totp_secret text;
    ALTER TABLE storage_connections ADD COLUMN api_key text;
    ALTER TABLE email_queue ADD COLUMN reset_link text;
    SELECT fleet.apply_roles()`)
  const { rows } = await database.pool.query(`
    SELECT name FROM (VALUES ('users', 'totp_secret'), ('storage_connections', 'api_key'), ('email_queue', 'reset_link'),
                             ('users', 'email')) AS columns (relation, name)
     WHERE has_column_privilege('fleet_readonly', relation, name, 'SELECT')`)
  expect(rows).toEqual([{ name: 'email' }])
  const { differences } = compareCatalogues(await expectedCatalogue('fleet'), await readCatalogue(database.db))
  expect(differences).toEqual([])
  await database.drop()
})

describe('functions', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  test('that run with the rights of their owner have a fixed search path, which begins with pg_catalog', async () => {
    const { rows } = await database.pool.query<{ name: string; path: string | null }>(`
      SELECT proname AS name, (SELECT c FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%') AS path
        FROM pg_proc
       WHERE prosecdef AND pronamespace IN ('public'::regnamespace, 'fleet'::regnamespace)`)
    expect(rows.map(({ name }) => name)).toContain('role_grants')
    for (const { name, path } of rows) expect(path, name).toMatch(/^search_path=pg_catalog(,|$)/)
  })

  test('that triggers run with the rights of their owner are for nobody to put on a table of his own', async () => {
    const { rows } = await database.pool.query<{ name: string; others: number }>(`
      SELECT proname AS name,
             (SELECT count(*)::int FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee <> proowner) AS others
        FROM pg_proc
       WHERE prosecdef AND prorettype = 'trigger'::regtype AND pronamespace = 'fleet'::regnamespace`)
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['stamp_notification', 'follow_mail']))
    expect(rows.filter(({ others }) => others > 0)).toEqual([])
  })

  test('that change roles, rights or the switches are for nobody but their owner', async () => {
    const { rows } = await database.pool.query<{ name: string }>(`
      SELECT proname AS name FROM pg_proc
       WHERE pronamespace = 'fleet'::regnamespace AND NOT has_function_privilege('fleet_worker', oid, 'EXECUTE') ORDER BY 1`)
    expect(rows.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'apply_roles',
        'change_grants',
        'create_policies',
        'create_roles',
        'disable_row_security',
        'enable_row_security',
        'grant_roles',
        'guard_views',
        'revoke_roles',
      ]),
    )
  })
})

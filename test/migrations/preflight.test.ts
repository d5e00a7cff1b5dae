import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { preflight } from '../../src/db/adoption/preflight.ts'
import { MigrationError } from '../../src/db/migration-error.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { readCatalogue } from './catalogue.ts'
import { checksums, fillPlatform } from './installation-rows.ts'
import { installPlatform } from './platform-installation.ts'

/** What an installation may have that a migration cannot decide on, with what the preflight says. */
const obstacles: readonly (readonly [obstacle: string, statement: string, findings: readonly string[]])[] = [
  [
    'a column of another type',
    'ALTER TABLE orders ALTER COLUMN notes TYPE varchar(90)',
    [
      'column public.orders.notes: text, not character varying(90) | ALTER TABLE public.orders ALTER COLUMN notes TYPE text USING notes::text;',
    ],
  ],
  [
    'a column that takes NULL, with rows that hold it',
    'ALTER TABLE orders ALTER COLUMN order_number DROP NOT NULL; UPDATE orders SET order_number = NULL WHERE id < 3',
    [
      'column public.orders.order_number: character varying(100) NOT NULL, not character varying(100), with NULL in 2 rows | -- give order_number a value in the rows that have none, then: ALTER TABLE public.orders ALTER COLUMN order_number SET NOT NULL;',
    ],
  ],
  [
    'a column that takes NULL, with a default to fill it with',
    'ALTER TABLE users ALTER COLUMN is_active DROP NOT NULL; UPDATE users SET is_active = NULL WHERE id = 2',
    [
      'column public.users.is_active: boolean NOT NULL DEFAULT true, not boolean DEFAULT true, with NULL in 1 rows | UPDATE public.users SET is_active = true WHERE is_active IS NULL; ALTER TABLE public.users ALTER COLUMN is_active SET NOT NULL;',
    ],
  ],
  [
    'a column that takes no NULL where one may come',
    'UPDATE companies SET telegram_chat_id = 5; ALTER TABLE companies ALTER COLUMN telegram_chat_id SET NOT NULL',
    [
      'column public.companies.telegram_chat_id: character varying(100), not character varying(100) NOT NULL | ALTER TABLE public.companies ALTER COLUMN telegram_chat_id DROP NOT NULL;',
    ],
  ],
  [
    'a table without id',
    'ALTER TABLE audit_log DROP COLUMN id',
    [
      'column public.audit_log.id: integer NOT NULL, not nothing, and 3 rows that would need a value | ALTER TABLE public.audit_log ADD COLUMN id serial;',
    ],
  ],
  [
    'a table without a column that rows need',
    'ALTER TABLE orders DROP COLUMN content_type',
    [
      'column public.orders.content_type: character varying(100) NOT NULL, not nothing, and 3 rows that would need a value | ALTER TABLE public.orders ADD COLUMN content_type character varying(100); -- give content_type a value in every row, then: ALTER TABLE public.orders ALTER COLUMN content_type SET NOT NULL;',
    ],
  ],
  [
    'rows that are doubled where each is to be there once',
    `ALTER TABLE orders DROP CONSTRAINT orders_order_number_key; UPDATE orders SET order_number = 'A-1'`,
    [
      'UNIQUE (order_number) on public.orders: each value once, not 1 values more than once | -- change or delete all but one row of each that this lists: SELECT order_number FROM public.orders WHERE num_nulls(order_number) = 0 GROUP BY order_number HAVING count(*) > 1;',
    ],
  ],
  [
    'rows that refer to none',
    'ALTER TABLE orders DROP CONSTRAINT fk_orders_client_id, DROP CONSTRAINT fk_orders_company_id; UPDATE orders SET client_id = 77, company_id = 88 WHERE id = 1',
    [
      'FOREIGN KEY (client_id) REFERENCES public.clients(id) on public.orders: a row to which each refers, not 1 rows that refer to none | UPDATE public.orders t SET client_id = NULL WHERE t.client_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.clients r WHERE r.id = t.client_id);',
      'FOREIGN KEY (company_id) REFERENCES public.companies(id) ON DELETE CASCADE on public.orders: a row to which each refers, not 1 rows that refer to none | DELETE FROM public.orders t WHERE t.company_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.companies r WHERE r.id = t.company_id);',
    ],
  ],
  [
    'another primary key',
    'ALTER TABLE audit_log DROP CONSTRAINT audit_log_pkey, ADD PRIMARY KEY (id, created_at)',
    [
      'public.audit_log_pkey: the name for an index of public.audit_log, not an index of others | ALTER INDEX public.audit_log_pkey RENAME TO audit_log_pkey_before_fleet;',
      'PRIMARY KEY (id) on public.audit_log: a primary key, not PRIMARY KEY (id, created_at) | ALTER TABLE public.audit_log DROP CONSTRAINT audit_log_pkey;',
    ],
  ],
  [
    'types that lack labels',
    `ALTER TYPE user_role RENAME VALUE 'viewer' TO 'guest'`,
    [`type public.user_role: the label 'viewer', not nothing | ALTER TYPE public.user_role ADD VALUE 'viewer';`],
  ],
  [
    'other things under the names of tables, indexes and functions',
    `DROP TABLE audit_log; CREATE VIEW audit_log AS SELECT 1 AS id; CREATE INDEX ix_clients_company_id ON clients (phone);
     DROP FUNCTION update_updated_at_column CASCADE; CREATE FUNCTION update_updated_at_column() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
    [
      'public.audit_log: the name for a table of the platform, not a view of others | ALTER VIEW public.audit_log RENAME TO audit_log_before_fleet;',
      'public.ix_clients_company_id: the name for an index of public.clients, not an index of others | ALTER INDEX public.ix_clients_company_id RENAME TO ix_clients_company_id_before_fleet;',
      'function public.update_updated_at_column(): a function that returns trigger, not one that returns integer | ALTER FUNCTION public.update_updated_at_column() RENAME TO update_updated_at_column_before_fleet;',
    ],
  ],
  [
    'a sequence that a table which is missing needs',
    'DROP TABLE audit_log; CREATE SEQUENCE audit_log_id_seq',
    [
      'public.audit_log_id_seq: the name for the sequence of a new table, not a sequence of others | ALTER SEQUENCE public.audit_log_id_seq RENAME TO audit_log_id_seq_before_fleet;',
    ],
  ],
  [
    'what a later migration adds',
    `ALTER TABLE email_queue ADD COLUMN due_at date; CREATE INDEX ix_email_queue_claim ON email_queue (priority);
     CREATE TRIGGER email_queue_stamp BEFORE UPDATE ON email_queue FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`,
    [
      'public.ix_email_queue_claim: the name for what a later migration adds, not an index of others | ALTER INDEX public.ix_email_queue_claim RENAME TO ix_email_queue_claim_before_fleet;',
      'column due_at on public.email_queue: the name for what a later migration adds, not a column of others | ALTER TABLE public.email_queue RENAME COLUMN due_at TO due_at_before_fleet;',
      'trigger email_queue_stamp on public.email_queue: the name for what a later migration adds, not a trigger of others | ALTER TRIGGER email_queue_stamp ON public.email_queue RENAME TO email_queue_stamp_before_fleet;',
    ],
  ],
  [
    'a table that is partitioned already',
    'DROP TABLE audit_log; CREATE TABLE audit_log (id serial, created_at timestamp NOT NULL) PARTITION BY RANGE (created_at)',
    [
      'table public.audit_log: a table in one piece, which later migrations divide, not partitioned by RANGE (created_at) | ALTER TABLE public.audit_log RENAME TO audit_log_before_fleet; -- then copy its rows into a table of that name in one piece',
    ],
  ],
  [
    'a view that others read and whose columns differ',
    'DROP VIEW active_projects; CREATE VIEW active_projects AS SELECT id FROM projects; CREATE VIEW mine AS SELECT * FROM active_projects',
    [expect.stringContaining('which rest on it | DROP VIEW public.mine; -- and make them again after the migration')],
  ],
  [
    'schemas that others fill',
    'CREATE SCHEMA fleet; CREATE TABLE fleet.cars (id integer); CREATE SCHEMA pgboss; CREATE TABLE pgboss.job (id integer)',
    [
      'table fleet.cars: nothing but what the migrations make in schema fleet, not an object of others | ALTER TABLE fleet.cars SET SCHEMA public;',
      "schema pgboss: no such schema, or an empty one: the migrations install pg-boss in it, not one that holds another program's objects | ALTER SCHEMA pgboss RENAME TO pgboss_before_fleet;",
    ],
  ],
  [
    'schemas that others fill with functions and types only',
    `CREATE SCHEMA fleet; CREATE FUNCTION fleet.drive(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE DOMAIN fleet.plate AS text;
     CREATE SCHEMA pgboss; CREATE TYPE pgboss.mood AS ENUM ('good')`,
    [
      'domain fleet.plate: nothing but what the migrations make in schema fleet, not an object of others | ALTER DOMAIN fleet.plate SET SCHEMA public;',
      'function fleet.drive(integer): nothing but what the migrations make in schema fleet, not an object of others | ALTER FUNCTION fleet.drive(integer) SET SCHEMA public;',
      "schema pgboss: no such schema, or an empty one: the migrations install pg-boss in it, not one that holds another program's objects | ALTER SCHEMA pgboss RENAME TO pgboss_before_fleet;",
    ],
  ],
]

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyTestDatabase()
})
afterEach(() => database.drop())

describe('the preflight', () => {
  test.each(['in one go', 'bit by bit'] as const)(
    'finds nothing in an installation that came about %s',
    async (order) => {
      await installPlatform(database.pool, order)
      await fillPlatform(database.pool)
      expect(await preflight(database.db)).toEqual([])
    },
  )

  test('finds nothing in an empty database, nor in one that is halfway adopted', async () => {
    expect(await preflight(database.db)).toEqual([])
    await installPlatform(database.pool, 'bit by bit')
    await migrateTo(database.db, '20260101000600_create_portraits_and_videos')
    expect(await preflight(database.db)).toEqual([])
    await migrateUp(database.db)
  })

  test.each(obstacles)('names %s, with the statement, and nothing is touched', async (_, statement, findings) => {
    const { db, pool } = database
    await installPlatform(pool, 'bit by bit')
    await fillPlatform(pool)
    await pool.query(statement)
    const before = await readCatalogue(pool)

    expect(await caught(migrateUp(db))).toMatchObject({ code: 'MIGRATION_PREFLIGHT', done: [] })

    expect(await described()).toEqual(findings)
    expect(await readCatalogue(pool)).toEqual(before)
  })

  test('names references to a table that the platform never came to make', async () => {
    const { pool } = database
    await installPlatform(pool, 'in one go', ['users', 'storage_connections', 'companies'])
    await fillPlatform(pool, ['users', 'storage_connections', 'companies'])
    await pool.query('DROP TABLE storage_connections CASCADE')
    expect(await described()).toEqual([
      'FOREIGN KEY (storage_connection_id) REFERENCES public.storage_connections(id) on public.companies: a row to which each refers, not 2 rows, and no table public.storage_connections | UPDATE public.companies t SET storage_connection_id = NULL WHERE t.storage_connection_id IS NOT NULL;',
    ])
  })

  test('its statements are enough: carried out, they leave nothing to find, and the migrations go through', async () => {
    const { db, pool } = database
    await installPlatform(pool, 'bit by bit')
    await fillPlatform(pool)
    await pool.query(`
      ALTER TABLE users ALTER COLUMN is_active DROP NOT NULL; UPDATE users SET is_active = NULL;
      ALTER TABLE orders DROP CONSTRAINT fk_orders_client_id, DROP CONSTRAINT fk_orders_company_id; UPDATE orders SET client_id = 77, company_id = 88 WHERE id = 1;
      ALTER TABLE orders ALTER COLUMN notes TYPE varchar(90); ALTER TABLE audit_log DROP COLUMN id;
      ALTER TABLE email_queue ADD COLUMN due_at date; CREATE INDEX ix_clients_company_id ON clients (phone);
      ALTER TYPE user_role RENAME VALUE 'viewer' TO 'guest'`)
    for (const { remedy } of await preflight(db)) for (const statement of remedy) await pool.query(statement)
    expect(await preflight(db)).toEqual([])
    await migrateUp(db)
  })
})

describe('a role that does not own everything', () => {
  let owner: string
  let migrator: string
  let other: ReturnType<typeof connectDatabase>

  beforeEach(async () => {
    const { pool, url } = database
    const suffix = randomBytes(6).toString('hex')
    owner = `test_owner_${suffix}`
    migrator = `test_migrator_${suffix}`
    await pool.query(`CREATE ROLE ${owner}; CREATE ROLE ${migrator}`)
    await installPlatform(pool, 'in one go')
    await fillPlatform(pool)
    await pool.query(
      `ALTER TABLE companies OWNER TO ${owner}; ALTER VIEW active_projects OWNER TO ${owner}; ALTER FUNCTION update_updated_at_column() OWNER TO ${owner}`,
    )
    const address = new URL(url)
    address.searchParams.set('options', `-c role=${migrator}`)
    other = connectDatabase({ url: address.href, applicationName: 'migrator' })
  })
  afterEach(async () => {
    await other.close()
    await database.pool.query(`DROP OWNED BY ${migrator}, ${owner} CASCADE; DROP ROLE ${migrator}, ${owner}`)
  })

  test('is refused with every table and right that it lacks, and nothing is touched', async () => {
    const before = { catalogue: await readCatalogue(database.pool), rows: await checksums(database.pool) }
    const error = await caught(migrateUp(other.db))
    const missing = error.findings.map(({ object, remedy }) => `${object}: ${remedy.join(' ')}`)
    const databaseName = new URL(database.url).pathname.slice(1)
    expect(missing).toHaveLength(21)
    expect(missing).toEqual(
      expect.arrayContaining([
        `table public.companies: GRANT ${owner} TO ${migrator};`,
        `view public.active_projects: GRANT ${owner} TO ${migrator};`,
        `function update_updated_at_column(): GRANT ${owner} TO ${migrator};`,
        `table public.orders: ALTER TABLE public.orders OWNER TO ${migrator};`,
        `database ${databaseName}: GRANT CREATE ON DATABASE ${databaseName} TO ${migrator};`,
        `schema public: GRANT USAGE, CREATE ON SCHEMA public TO ${migrator};`,
      ]),
    )
    expect({ catalogue: await readCatalogue(database.pool), rows: await checksums(database.pool) }).toEqual(before)
  })

  test('migrates as a member of the roles that do, and everything stays with its owner', async () => {
    const { pool } = database
    const platform = `test_platform_${randomBytes(6).toString('hex')}`
    await pool.query(`
      CREATE ROLE ${platform}; GRANT ${platform}, ${owner} TO ${migrator};
      GRANT CREATE ON DATABASE ${new URL(database.url).pathname.slice(1)} TO ${migrator}; GRANT CREATE ON SCHEMA public TO ${migrator}, ${platform}, ${owner};
      DO $$ DECLARE t text; BEGIN
        FOR t IN SELECT format('%s %s', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, oid::regclass) FROM pg_class
                  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND relowner <> '${owner}'::regrole
        LOOP EXECUTE format('ALTER %s OWNER TO ${platform}', t); END LOOP;
      END $$`)
    const owners = `
      SELECT relname, relowner::regrole FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
         AND relname <> 'expiring_portraits' ORDER BY relname`
    const before = (await pool.query(owners)).rows
    await migrateUp(other.db)
    expect((await pool.query(owners)).rows).toEqual(before)
    await pool.query(`DROP OWNED BY ${platform} CASCADE; DROP ROLE ${platform}`)
  })
})

async function described(): Promise<string[]> {
  const findings = await preflight(database.db)
  return findings.map(({ object, wanted, found, remedy }) => `${object}: ${wanted}, not ${found} | ${remedy.join(' ')}`)
}

async function caught(promise: Promise<unknown>): Promise<MigrationError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof MigrationError)) throw new Error('no MigrationError was thrown', { cause: error })
  return error
}

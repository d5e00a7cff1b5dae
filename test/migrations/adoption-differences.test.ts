import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Catalogue, readCatalogue } from './catalogue.ts'
import { checksums, fillPlatform } from './installation-rows.ts'
import { readMeanings } from './meaning.ts'
import { installPlatform, platformTables } from './platform-installation.ts'

/** What installations differ in, each with the sentences that the record then holds. */
const differences: readonly (readonly [difference: string, statement: string, changes: readonly string[]])[] = [
  [
    'a column that is missing',
    'ALTER TABLE companies DROP COLUMN storage_connection_id CASCADE; ALTER TABLE orders DROP COLUMN currency',
    [
      'companies: column storage_connection_id added',
      'companies: FOREIGN KEY (storage_connection_id) REFERENCES public.storage_connections(id) added',
      `orders: column currency added`,
    ],
  ],
  [
    'a column that is missing from a table that a view shows whole',
    'DROP VIEW active_projects; ALTER TABLE projects DROP COLUMN tags; CREATE VIEW active_projects AS SELECT p.*, c.name AS company_name FROM projects p JOIN companies c ON p.company_id = c.id',
    ['projects: column tags added', 'active_projects: made anew, for its columns differed'],
  ],
  [
    'defaults',
    `ALTER TABLE projects ALTER COLUMN status SET DEFAULT 'new', ALTER COLUMN metadata DROP DEFAULT, ALTER COLUMN description SET DEFAULT ''`,
    [
      `projects: default of status: 'active'::character varying, was 'new'::character varying`,
      `projects: default of metadata: '{}'::jsonb, was none`,
      `projects: default of description: none, was ''::text`,
    ],
  ],
  [
    'an id that does not count',
    'ALTER TABLE clients ALTER COLUMN id DROP DEFAULT; DROP SEQUENCE clients_id_seq',
    [
      'clients: sequence public.clients_id_seq created',
      `clients: default of id: nextval('public.clients_id_seq'), was none`,
    ],
  ],
  [
    'keys that are missing',
    'ALTER TABLE orders DROP CONSTRAINT orders_order_number_key; ALTER TABLE audit_log DROP CONSTRAINT audit_log_pkey; ALTER TABLE folders DROP CONSTRAINT fk_folders_parent_id',
    [
      'orders: UNIQUE (order_number) added',
      'audit_log: PRIMARY KEY (id) added',
      'folders: FOREIGN KEY (parent_id) REFERENCES public.folders(id) added',
    ],
  ],
  [
    'an index that is missing, and one that is invalid',
    `DROP INDEX ix_projects_status; UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_users_role'::regclass`,
    ['projects: index ix_projects_status created', 'users: index ix_users_role was invalid, rebuilt'],
  ],
  [
    'triggers',
    `DROP TRIGGER update_videos_updated_at ON videos;
     CREATE TRIGGER touch AFTER UPDATE ON videos FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
     DROP TRIGGER update_users_updated_at ON users; ALTER TABLE clients DISABLE TRIGGER update_clients_updated_at`,
    [
      'users: trigger update_users_updated_at created',
      'clients: trigger update_clients_updated_at taken off',
      'clients: trigger update_clients_updated_at created',
      'videos: trigger touch taken off',
      'videos: trigger update_videos_updated_at created',
    ],
  ],
]

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyTestDatabase()
})
afterEach(() => database.drop())

describe('an installation that differs in', () => {
  test.each(differences)('%s is given what it lacks, and has it taken back', async (difference, statement, changes) => {
    const { db, pool } = database
    const fresh = await createTestDatabase()
    await installPlatform(pool, 'bit by bit')
    await fillPlatform(pool)
    await pool.query(statement)
    const before = await readCatalogue(pool)

    await migrateUp(db)
    expect(await readMeanings(pool)).toEqual(await readMeanings(fresh.pool))
    expect(await recordedChanges(database)).toEqual(expect.arrayContaining([...changes]))

    await migrateTo(db, null)
    // A broken index is broken no more: nothing makes it so again.
    const wanted = difference.includes('invalid') ? mended(before) : before
    expect(await readCatalogue(pool)).toEqual(wanted)
    await fresh.drop()
  })

  test('the rule of a foreign key keeps it, and says so', async () => {
    const { db, pool } = database
    await installPlatform(pool, 'bit by bit')
    await pool.query(`
      ALTER TABLE clients DROP CONSTRAINT fk_clients_company_id,
        ADD CONSTRAINT mine FOREIGN KEY (company_id) REFERENCES companies ON DELETE RESTRICT`)
    await migrateUp(db)
    expect(await recordedFinds(database)).toEqual([
      'clients: foreign key mine stays as it is: FOREIGN KEY (company_id) REFERENCES public.companies(id) ON DELETE RESTRICT, where a new database has FOREIGN KEY (company_id) REFERENCES public.companies(id) ON DELETE CASCADE',
    ])
    const { rows } = await pool.query(
      `SELECT conname FROM pg_constraint WHERE conrelid = 'clients'::regclass AND contype = 'f'`,
    )
    expect(rows).toEqual([{ conname: 'mine' }])
  })

  test('the columns of a view makes it anew for the same owner and readers, and back', async () => {
    const { db, pool } = database
    const role = `test_${randomBytes(6).toString('hex')}`
    await installPlatform(pool, 'bit by bit')
    await pool.query(`
      CREATE ROLE ${role};
      DROP VIEW active_projects;
      CREATE VIEW active_projects WITH (security_barrier = true) AS SELECT id, name FROM projects;
      ALTER VIEW active_projects OWNER TO ${role};
      GRANT SELECT ON active_projects TO PUBLIC;
      GRANT UPDATE (name) ON active_projects TO CURRENT_USER WITH GRANT OPTION;
      COMMENT ON VIEW active_projects IS 'what runs'`)
    const before = await readCatalogue(pool)
    await migrateUp(db)
    const { rows } = await pool.query(`
      SELECT relowner = '${role}'::regrole AS owned, reloptions, relacl::text ~ '=r/' AS readable, obj_description(oid) AS comment,
             (SELECT count(*)::int FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) AS columns
        FROM pg_class c WHERE oid = 'active_projects'::regclass`)
    expect(rows).toEqual([
      {
        owned: true,
        reloptions: expect.arrayContaining(['security_barrier=true']),
        readable: true,
        comment: 'what runs',
        columns: 23,
      },
    ])
    await migrateTo(db, null)
    expect(await readCatalogue(pool)).toEqual(before)
    await pool.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
  })

  test('tables of its own keeps them, and their updated_at is right in any time zone', async () => {
    const { db, pool } = database
    await installPlatform(pool, 'in one go')
    await pool.query(`
      CREATE TABLE plans (id integer, updated_at timestamptz);
      CREATE TRIGGER plans_touch BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
      INSERT INTO plans VALUES (1, NULL)`)
    await migrateUp(db)
    const right = await db.connection().execute(async (session) => {
      await sql`SET TimeZone = 'Asia/Vladivostok'`.execute(session)
      const { rows } = await sql`UPDATE plans SET id = 2 RETURNING updated_at = now() AS right`.execute(session)
      await sql`RESET TimeZone`.execute(session)
      return rows
    })
    expect(right).toEqual([{ right: true }])
  })
})

describe('an installation that stopped halfway', () => {
  test.each([0, 1, 2, 5, 11])('after %i tables has the rest added, and taken away again', async (count) => {
    const { db, pool } = database
    const fresh = await createTestDatabase()
    const tables = platformTables.slice(0, count)
    await installPlatform(pool, 'in one go', tables)
    await fillPlatform(pool, tables)
    const before = { catalogue: await readCatalogue(pool), rows: await checksums(pool, tables) }

    await migrateUp(db)
    expect(await readMeanings(pool)).toEqual(await readMeanings(fresh.pool))
    expect(await checksums(pool, tables)).toEqual(before.rows)

    await migrateTo(db, null)
    expect({ catalogue: await readCatalogue(pool), rows: await checksums(pool, tables) }).toEqual(before)
    await fresh.drop()
  })

  test('gets default rows only into the tables that it lacked', async () => {
    const { db, pool } = database
    await installPlatform(pool, 'in one go', ['users'])
    await migrateUp(db)
    const { rows } = await pool.query(`
      SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM storage_connections) AS connections,
             (SELECT count(*)::int FROM companies) AS companies`)
    expect(rows).toEqual([{ users: 0, connections: 1, companies: 1 }])
  })

  test('keeps rows that look like the default ones, on the way down too', async () => {
    const { db, pool } = database
    await installPlatform(pool, 'in one go', ['users', 'storage_connections', 'companies'])
    await pool.query(`
      INSERT INTO users (email, hashed_password, full_name)
      VALUES ('admin@vertexar.com', '$2b$12$NoPasswordHasBeenSetYet/RunFleetUsersSetPasswordThere', 'Ours');
      INSERT INTO storage_connections (name, provider) VALUES ('default_local', 'local_disk');
      INSERT INTO companies (name, slug) VALUES ('Vertex AR Demo', 'vertex-ar-demo')`)
    const before = await checksums(pool, ['users', 'storage_connections', 'companies'])
    await migrateUp(db)
    await migrateTo(db, null)
    expect(await checksums(pool, ['users', 'storage_connections', 'companies'])).toEqual(before)
  })
})

async function recordedChanges(database: TestDatabase): Promise<string[]> {
  return recorded(database, 'changed')
}

async function recordedFinds(database: TestDatabase): Promise<string[]> {
  return (await recorded(database, 'found')).filter((line) => !line.endsWith(': was there'))
}

async function recorded({ pool }: TestDatabase, what: string): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `SELECT format('%s: %s', name, change) AS line FROM fleet.adoptions WHERE what = $1 ORDER BY id`,
    [what],
  )
  return rows.map(({ line }) => line)
}

function mended(catalogue: Catalogue): Catalogue {
  return {
    ...catalogue,
    objects: catalogue.objects.map((line) => (line.startsWith('index ') ? line.replace(/ f$/, ' t') : line)),
  }
}

import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { partitionObstacles } from '../../migrations/20260302000300_create_partition_obstacles.ts'
import { migrateDown, migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { readCatalogue } from './catalogue.ts'
import { insertOneRowEach } from './platform-rows.ts'

const before = '20260302000400_create_partition_conversion'
const indexed = '20260302000500_index_tables_to_partition'
const auditLog = '20260302000600_partition_audit_log'
const after = '20260302000700_partition_ar_view_sessions'

let database: TestDatabase

beforeEach(async () => {
  database = await createEmptyTestDatabase()
  await migrateTo(database.db, before)
  await insertOneRowEach(database.pool)
})
afterEach(() => database.drop())

async function rowsOf<T extends object>(text: string): Promise<T[]> {
  return (await database.pool.query<T>(text)).rows
}

async function makeMonth(parent: string, month: string): Promise<void> {
  for (const step of ['prepare', 'validate', 'attach']) {
    await database.pool.query(`SELECT fleet.${step}_partition($1, $2)`, [parent, month])
  }
}

describe('a table that is partitioned', () => {
  test('loses no row and fails no INSERT of several writers', async () => {
    await database.pool.query(`
      INSERT INTO audit_log (entity_type, entity_id, action, created_at)
      SELECT 'project', n, 'update', fleet.utc_now() - n * interval '10 minutes' FROM generate_series(1, 50000) n`)
    let writing = true
    const writers = Array.from({ length: 4 }, async () => {
      const client = new pg.Client(database.url)
      await client.connect()
      const ids: number[] = []
      while (writing) {
        const { rows } = await client.query(
          `INSERT INTO audit_log (entity_type, entity_id, action) VALUES ('project', 0, 'write') RETURNING id`,
        )
        ids.push(rows[0].id)
      }
      await client.end()
      return ids
    })
    await migrateTo(database.db, after)
    for (const month of ['2030-01-01', '2030-02-01']) await makeMonth('audit_log', month)
    writing = false
    const ids = (await Promise.all(writers)).flat()
    expect(ids.length).toBeGreaterThan(0)
    expect(await rowsOf(`SELECT count(*)::int, count(DISTINCT id)::int AS ids FROM audit_log`)).toEqual([
      { count: 50_001 + ids.length, ids: 50_001 + ids.length },
    ])
    expect(
      (await rowsOf<{ id: number }>(`SELECT id FROM audit_log WHERE action = 'write'`)).map(({ id }) => id).toSorted(),
    ).toEqual(ids.toSorted())
  })

  test('keeps its name, key, indexes, foreign keys and sequence', async () => {
    await migrateTo(database.db, after)
    const names = await rowsOf<{ line: string }>(`
      SELECT format('%s %s', c.relname, pg_get_indexdef(i.indexrelid)) AS line
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
       WHERE c.relname IN ('audit_log', 'ar_view_sessions') ORDER BY 1`)
    expect(names.map(({ line }) => line)).toEqual([
      'ar_view_sessions CREATE INDEX ix_ar_view_sessions_ar_content_id ON ONLY public.ar_view_sessions USING btree (ar_content_id)',
      'ar_view_sessions CREATE INDEX ix_ar_view_sessions_company_id ON ONLY public.ar_view_sessions USING btree (company_id)',
      'ar_view_sessions CREATE INDEX ix_ar_view_sessions_created_at ON ONLY public.ar_view_sessions USING btree (created_at)',
      'ar_view_sessions CREATE INDEX ix_ar_view_sessions_project_id ON ONLY public.ar_view_sessions USING btree (project_id)',
      'ar_view_sessions CREATE UNIQUE INDEX ar_view_sessions_id_created_at_key ON ONLY public.ar_view_sessions USING btree (id, created_at)',
      'audit_log CREATE INDEX ix_audit_log_actor_id ON ONLY public.audit_log USING btree (actor_id)',
      'audit_log CREATE INDEX ix_audit_log_created_at ON ONLY public.audit_log USING btree (created_at)',
      'audit_log CREATE INDEX ix_audit_log_entity ON ONLY public.audit_log USING btree (entity_type, entity_id)',
      'audit_log CREATE UNIQUE INDEX audit_log_pkey ON ONLY public.audit_log USING btree (id, created_at)',
    ])
    await expect(database.pool.query('DELETE FROM users WHERE id = 1')).rejects.toThrow(/violates foreign key/)
    await database.pool.query('TRUNCATE notifications, video_rotation_schedules')
    await database.pool.query('DELETE FROM ar_content WHERE id = 1')
    expect(await rowsOf('SELECT FROM ar_view_sessions')).toHaveLength(0)
    expect(await rowsOf(`SELECT pg_get_serial_sequence('audit_log', 'id') AS sequence`)).toEqual([
      { sequence: 'public.audit_log_id_seq' },
    ])
    expect(
      await rowsOf(`INSERT INTO audit_log (entity_type, entity_id, action) VALUES ('a', 1, 'b') RETURNING id`),
    ).toEqual([{ id: 2 }])
  })

  test('takes a plain INSERT of any time and of none', async () => {
    await migrateTo(database.db, after)
    await makeMonth('ar_view_sessions', '2026-11-01')
    await database.pool.query(`
      INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id, created_at)
      SELECT 1, 1, 1, t::timestamp FROM unnest(ARRAY['1999-01-01', '2026-11-30 23:59:59.999999', '2026-12-01', '2999-01-01', 'infinity',
                                               '-infinity', NULL]) t`)
    expect(
      await rowsOf(
        `SELECT tableoid::regclass::text AS "table", created_at::text FROM ar_view_sessions WHERE id > 1 ORDER BY id`,
      ),
    ).toEqual([
      { table: 'ar_view_sessions_default', created_at: '1999-01-01 00:00:00' },
      { table: 'ar_view_sessions_2026_11', created_at: '2026-11-30 23:59:59.999999' },
      { table: 'ar_view_sessions_default', created_at: '2026-12-01 00:00:00' },
      { table: 'ar_view_sessions_default', created_at: '2999-01-01 00:00:00' },
      { table: 'ar_view_sessions_default', created_at: 'infinity' },
      { table: 'ar_view_sessions_default', created_at: '-infinity' },
      { table: 'ar_view_sessions_default', created_at: null },
    ])
  })
})

describe('an adopted table', () => {
  beforeEach(async () => {
    const role = `owner_${new URL(database.url).pathname.slice(1)}`
    for (const statement of [
      `UPDATE audit_log SET created_at = '2026-11-24'`,
      'ALTER TABLE audit_log DROP COLUMN action',
      `ALTER TABLE audit_log ADD COLUMN "Eigene Spalte" numeric(6,2) DEFAULT 1.5, ADD COLUMN action varchar(100) NOT NULL DEFAULT 'x'`,
      'ALTER TABLE audit_log ADD CONSTRAINT fk_audit_log_actor FOREIGN KEY (actor_id) REFERENCES users (id)',
      'ALTER TABLE audit_log ADD CONSTRAINT positive CHECK (entity_id >= 0)',
      'ALTER TABLE audit_log RENAME CONSTRAINT audit_log_pkey TO pk_audit_log',
      'CREATE INDEX idx_own ON audit_log (lower(actor_email)) WHERE actor_id IS NOT NULL',
      'CREATE UNIQUE INDEX own_unique ON audit_log (request_id, created_at)',
      `COMMENT ON TABLE audit_log IS 'Wer''s war'`,
      `COMMENT ON COLUMN audit_log.actor_ip IS 'Adresse'`,
      `CREATE ROLE ${role}`,
      `GRANT CREATE ON SCHEMA public TO ${role}`,
      `ALTER TABLE audit_log OWNER TO ${role}`,
      'GRANT SELECT ON audit_log TO pg_monitor WITH GRANT OPTION',
      'GRANT UPDATE (actor_email) ON audit_log TO PUBLIC',
    ]) {
      await database.pool.query(statement)
    }
  })
  afterEach(async () => {
    const role = `owner_${new URL(database.url).pathname.slice(1)}`
    await database.pool.query(`DROP OWNED BY ${role} CASCADE`)
    await database.pool.query(`DROP ROLE ${role}`)
  })

  test('takes all it has with it, and down gives it back exactly', async () => {
    const describe = `
      SELECT relkind::text, relowner::regrole::text AS owner, relacl::text, obj_description(c.oid, 'pg_class') AS comment,
             (SELECT array_agg(format('%s %s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull, attacl,
                                      col_description(attrelid, attnum)) ORDER BY attnum)
                FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
             (SELECT array_agg(pg_get_constraintdef(oid) ORDER BY contype, conname)
                FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('c', 'f')) AS constraints,
             (SELECT array_agg(replace(pg_get_indexdef(indexrelid), 'ONLY ', '') ORDER BY replace(pg_get_indexdef(indexrelid), 'ONLY ', ''))
                FROM pg_index WHERE indrelid = c.oid AND NOT indisprimary) AS indexes
        FROM pg_class c WHERE oid = 'public.audit_log'::regclass`
    const [plain] = await rowsOf(describe)
    const catalogue = await readCatalogue(database.pool)
    await migrateTo(database.db, auditLog)
    await makeMonth('audit_log', '2026-11-01')
    expect(await rowsOf(describe)).toEqual([{ ...plain, relkind: 'p' }])
    expect(await rowsOf(`SELECT action, "Eigene Spalte" AS own FROM audit_log_2026_11`)).toEqual([
      { action: 'x', own: '1.50' },
    ])
    await migrateTo(database.db, before)
    expect(await readCatalogue(database.pool)).toEqual(catalogue)
  })
})

describe('rights', () => {
  const role = () => `reader_${new URL(database.url).pathname.slice(1)}`
  const visible = () =>
    rowsOf(`
      SELECT DISTINCT c.relname AS "table" FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE c.relnamespace IN ('public'::regnamespace, 'fleet'::regnamespace)
         AND c.relname ~ '^(audit_log|ar_view_sessions|email_archive)(_default|_2026_11)?$'
         AND (c.relacl::text LIKE '%${role()}=%' OR a.attacl::text LIKE '%${role()}=%') ORDER BY 1`)
  beforeEach(async () => {
    for (const statement of [
      `CREATE ROLE ${role()}`,
      `GRANT SELECT, DELETE ON audit_log, ar_view_sessions TO ${role()}`,
      `GRANT UPDATE (user_agent) ON ar_view_sessions TO ${role()} WITH GRANT OPTION`,
    ]) {
      await database.pool.query(statement)
    }
  })
  afterEach(async () => {
    await database.pool.query(`DROP OWNED BY ${role()}; DROP ROLE ${role()}`)
  })

  test('are on the parent alone, whatever the old table had and new tables are given, and come back with down', async () => {
    const catalogue = await readCatalogue(database.pool)
    const defaults = `ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${role()}, PUBLIC`
    await database.pool.query(defaults)
    await migrateTo(database.db, '20260303000100_create_email_archive')
    for (const parent of ['public.audit_log', 'public.ar_view_sessions', 'fleet.email_archive']) {
      await makeMonth(parent, '2026-11-01')
    }
    expect(await visible()).toEqual([{ table: 'ar_view_sessions' }, { table: 'audit_log' }, { table: 'email_archive' }])
    const session = new pg.Client(database.url)
    await session.connect()
    await session.query(`SET ROLE ${role()}`)
    expect((await session.query('SELECT FROM ar_view_sessions')).rowCount).toBe(1)
    for (const partition of ['ar_view_sessions_default', 'ar_view_sessions_2026_11', 'audit_log_default']) {
      await expect(session.query(`DELETE FROM ${partition}`), partition).rejects.toThrow('permission denied')
    }
    await session.end()
    await database.pool.query(defaults.replace('GRANT', 'REVOKE').replace(' TO ', ' FROM '))
    await migrateTo(database.db, before)
    expect(await readCatalogue(database.pool)).toEqual(catalogue)
  })
})

describe('a table that is published', () => {
  const identities = () =>
    rowsOf(`
      SELECT relname AS name, relreplident::text AS identity FROM pg_class
       WHERE relkind IN ('r', 'p') AND relname ~ '^(audit_log|ar_view_sessions)' ORDER BY 1`)

  test('has its rows changed as before, also where no primary key is possible', async () => {
    await database.pool.query('CREATE PUBLICATION everything FOR ALL TABLES')
    const catalogue = await readCatalogue(database.pool)
    await migrateTo(database.db, after)
    await database.pool.query(`
      INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id, created_at) VALUES (1, 1, 1, '2026-11-05')`)
    for (const parent of ['audit_log', 'ar_view_sessions']) await makeMonth(parent, '2026-11-01')
    expect(await identities()).toEqual([
      { name: 'ar_view_sessions', identity: 'f' },
      { name: 'ar_view_sessions_2026_11', identity: 'f' },
      { name: 'ar_view_sessions_default', identity: 'f' },
      { name: 'audit_log', identity: 'd' },
      { name: 'audit_log_2026_11', identity: 'd' },
      { name: 'audit_log_default', identity: 'd' },
    ])
    await database.pool.query(`
      INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id, created_at) VALUES (1, 1, 1, NULL)`)
    expect((await database.pool.query(`UPDATE ar_view_sessions SET user_agent = 'x'`)).rowCount).toBe(3)
    expect((await database.pool.query(`DELETE FROM ar_view_sessions`)).rowCount).toBe(3)
    await migrateTo(database.db, before)
    expect(await readCatalogue(database.pool)).toEqual(catalogue)
  })

  test('keeps REPLICA IDENTITY FULL, and gets back the key that it named', async () => {
    await database.pool.query(`
      ALTER TABLE audit_log REPLICA IDENTITY FULL;
      ALTER TABLE ar_view_sessions REPLICA IDENTITY USING INDEX ar_view_sessions_pkey`)
    const was = await identities()
    await migrateTo(database.db, after)
    await makeMonth('audit_log', '2026-11-01')
    expect((await identities()).filter((table) => Object.values(table).at(1) !== 'f')).toEqual([])
    await migrateTo(database.db, before)
    expect(await identities()).toEqual(was)
    expect(
      await rowsOf(
        `SELECT indexrelid::regclass::text AS index FROM pg_index WHERE indisreplident AND indrelid = 'ar_view_sessions'::regclass`,
      ),
    ).toEqual([{ index: 'ar_view_sessions_pkey' }])
  })
})

describe('going down', () => {
  test('brings the rows of all partitions back into one plain table, also those of one that was never attached', async () => {
    const catalogue = await readCatalogue(database.pool)
    await migrateTo(database.db, after)
    const one = `('a', 1, 'b', '2026-11-05'), ('a', 1, 'b', '2027-01-05'), ('a', 1, 'b', '2031-01-01')`
    await makeMonth('audit_log', '2026-11-01')
    await database.pool.query(`INSERT INTO audit_log (entity_type, entity_id, action, created_at) VALUES ${one}`)
    await makeLarge('audit_log')
    await database.pool.query(`SELECT fleet.prepare_partition('audit_log', '2031-01-01')`)
    await database.pool.query(`INSERT INTO audit_log (entity_type, entity_id, action, created_at) VALUES ${one}`)
    await migrateTo(database.db, before)
    expect(
      await rowsOf(
        `SELECT created_at::date::text AS day, count(*)::int FROM audit_log WHERE action = 'b' GROUP BY 1 ORDER BY 1`,
      ),
    ).toEqual([
      { day: '2026-11-05', count: 2 },
      { day: '2027-01-05', count: 2 },
      { day: '2031-01-01', count: 2 },
    ])
    expect(await readCatalogue(database.pool)).toEqual(catalogue)
    await migrateUp(database.db)
    await migrateDown(database.db)
  })

  /** So large that months are split off it by a CHECK. */
  async function makeLarge(table: string): Promise<void> {
    await database.pool.query(`
      INSERT INTO ${table} (entity_type, entity_id, action, user_agent, created_at)
      SELECT 'a', 1, 'large', repeat('x', 1000), '2026-01-01' FROM generate_series(1, 9000)`)
  }
})

describe('what is in the way', () => {
  test.each([
    ['CREATE VIEW public.seen AS SELECT id FROM audit_log', 'DROP VIEW public.seen', 'view public.seen depends on it'],
    [
      'CREATE MATERIALIZED VIEW public.seen AS SELECT id FROM audit_log',
      'DROP MATERIALIZED VIEW public.seen',
      'view public.seen',
    ],
    [
      'ALTER TABLE audit_log ADD UNIQUE (id, entity_id); CREATE TABLE public.notes (id int, e int, CONSTRAINT own FOREIGN KEY (id, e) REFERENCES audit_log (id, entity_id))',
      'ALTER TABLE public.notes DROP CONSTRAINT own',
      'foreign key own of public.notes refers to public.audit_log',
    ],
    [
      'CREATE TRIGGER watch AFTER INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()',
      'DROP TRIGGER watch ON public.audit_log',
      'has the trigger watch',
    ],
    [
      'CREATE PUBLICATION feed FOR TABLE audit_log',
      'ALTER PUBLICATION feed DROP TABLE public.audit_log',
      'publication feed',
    ],
    ['CREATE POLICY own ON audit_log', 'DROP POLICY own ON public.audit_log', 'has the policy own'],
    [
      'ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY',
      'ALTER TABLE public.audit_log DISABLE ROW LEVEL SECURITY',
      'row-level',
    ],
    [
      'CREATE TABLE public.child () INHERITS (audit_log)',
      'ALTER TABLE public.child NO INHERIT public.audit_log',
      'not a plain table',
    ],
    ['CREATE UNIQUE INDEX once ON audit_log (request_id)', 'DROP INDEX public.once', 'unique without created_at'],
    [
      'ALTER TABLE audit_log ADD CONSTRAINT once UNIQUE (request_id)',
      'ALTER TABLE public.audit_log DROP CONSTRAINT once',
      'unique without created_at',
    ],
    [
      'ALTER TABLE audit_log ADD CONSTRAINT late CHECK (entity_id > 0) NOT VALID',
      'ALTER TABLE public.audit_log VALIDATE CONSTRAINT late',
      'has not been validated',
    ],
    [
      'ALTER TABLE audit_log ADD CONSTRAINT own CHECK (entity_id > 0) NO INHERIT',
      'ALTER TABLE public.audit_log DROP CONSTRAINT own',
      'is not inherited',
    ],
    [
      'CREATE FUNCTION public.touch(audit_log) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      'DROP FUNCTION public.touch(public.audit_log)',
      'function public.touch',
    ],
    [
      'CREATE TABLE public.audit_log_default ()',
      'ALTER TABLE public.audit_log_default RENAME TO …',
      'default partition',
    ],
    ['CREATE RULE own AS ON DELETE TO audit_log DO ALSO NOTIFY gone', 'DROP RULE own ON public.audit_log', 'rule own'],
  ])('is named with the statement that clears it away: %s', async (obstacle, remedy, words) => {
    await migrateTo(database.db, indexed)
    await database.pool.query(obstacle)
    const error = await migrateTo(database.db, auditLog).then(
      () => new Error('nothing was in the way'),
      (caught: Error) => caught,
    )
    expect(error.message).toContain(words)
    const { hint } = error.cause as { hint: string }
    expect(hint).toContain(remedy)
    expect(await rowsOf(partitionObstacles(`to_regclass('public.audit_log')`))).not.toEqual([])
    if (remedy.endsWith('…')) return
    await database.pool.query(hint)
    await migrateTo(database.db, auditLog)
  })

  test('is nothing on the tables as the migrations make them', async () => {
    for (const table of ['audit_log', 'ar_view_sessions']) {
      expect(await rowsOf(partitionObstacles(`to_regclass('public.${table}')`))).toEqual([])
    }
  })
})

test('a key whose building was interrupted is built anew', async () => {
  const session = new pg.Client(database.url)
  await session.connect()
  await session.query('BEGIN; SELECT FROM audit_log')
  const builder = new pg.Client(database.url)
  await builder.connect()
  await builder.query(`SET lock_timeout = '50ms'`)
  await session.query(`LOCK TABLE audit_log IN ROW EXCLUSIVE MODE`)
  await expect(
    builder.query('CREATE UNIQUE INDEX CONCURRENTLY audit_log_month_key ON audit_log (id, created_at)'),
  ).rejects.toThrow(/lock timeout/)
  await builder.end()
  await session.end()
  expect(await rowsOf(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'audit_log_month_key'::regclass`)).toEqual([
    { indisvalid: false },
  ])
  await migrateTo(database.db, after)
})

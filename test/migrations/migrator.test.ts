import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MigrationError } from '../../src/db/migration-error.ts'
import { listMigrations, pendingMigrations } from '../../src/db/migration-state.ts'
import { migrateDown, migrateTo, migrateUp, stampMigration } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'

const files = await readdir(new URL('../../migrations/', import.meta.url))
const names = files.map((file) => file.replace('.ts', '')).sort()
const [first = '', second = '', third = ''] = names
const withTables = '20260101000200_create_users_and_storage_connections'

let database: TestDatabase
let other: ReturnType<typeof connectDatabase>

beforeEach(async () => {
  database = await createEmptyTestDatabase()
  other = connectDatabase({ url: database.url, applicationName: 'other' })
})
afterEach(async () => {
  await other.close()
  await database.drop()
})

describe('migrating', () => {
  test('goes up to the end, and then has nothing to do', async () => {
    const steps = await migrateUp(database.db)
    expect(steps).toEqual(names.map((name) => ({ name, direction: 'up', ms: expect.any(Number) })))
    expect(await migrateUp(database.db)).toEqual([])
  })

  test('goes down by one step, and from nothing nowhere', async () => {
    expect(await migrateDown(database.db)).toEqual([])
    await migrateTo(database.db, second)
    expect(await migrateDown(database.db)).toMatchObject([{ name: second, direction: 'down' }])
    expect(await applied()).toEqual([first])
  })

  test('goes to a name, up or down, and stays where it is there already', async () => {
    expect(await migrateTo(database.db, third)).toMatchObject([{ name: first }, { name: second }, { name: third }])
    expect(await migrateTo(database.db, third)).toEqual([])
    expect(await migrateTo(database.db, first)).toMatchObject([
      { name: third, direction: 'down' },
      { name: second, direction: 'down' },
    ])
    expect(await applied()).toEqual([first])
  })

  test('makes its tables in public, whatever comes first in the search path', async () => {
    await database.pool.query('CREATE SCHEMA mine')
    await migrateWith('-c search_path=mine')
    const { rows } = await database.pool.query(`SELECT relname FROM pg_class WHERE relnamespace = 'mine'::regnamespace`)
    expect(rows).toEqual([])
    expect(await database.db.selectFrom('companies').select('slug').execute()).toHaveLength(1)
  })

  test('finds an extension in another schema that the search path names', async () => {
    await database.pool.query('CREATE SCHEMA extensions; CREATE EXTENSION "uuid-ossp" SCHEMA extensions')
    await migrateWith('-c search_path=public,extensions')
    const { rows } = await database.pool.query(
      `INSERT INTO portraits (company_id, file_path) VALUES (1, '/p') RETURNING unique_id`,
    )
    expect(rows).toHaveLength(1)
  })

  test('needs no superuser: owning the database is enough', async () => {
    const role = `test_${randomBytes(6).toString('hex')}`
    await database.pool.query(`CREATE ROLE ${role}`)
    await database.pool.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} OWNER TO ${role}`)
    await migrateWith(`-c role=${role}`)
    const { rows } = await database.pool.query(
      `SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('public', 'fleet')`,
    )
    await database.pool.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER; DROP OWNED BY ${role}; DROP ROLE ${role}`)
    expect(rows).toEqual([{ tableowner: role }])
  })
})

test('an unknown name is refused, with what may have been meant', async () => {
  expect(await caught(migrateTo(database.db, 'create_project'))).toMatchObject({
    code: 'MIGRATION_NAME_UNKNOWN',
    migration: 'create_project',
    near: ['20260101000400_create_projects', '20260301000300_create_projects_search_index'],
    message: 'no migration is named create_project',
  })
  expect((await caught(migrateTo(database.db, 'weather'))).message).toBe('no migration is named weather')
  expect(await applied()).toEqual([])
})

describe('a migration that fails', () => {
  test('is rolled back and named, with its cause and with what was done before it', async () => {
    await refuse(database, 'CREATE TABLE', 'fleet.storage_connections')
    const error = await caught(migrateUp(database.db))
    expect(error).toMatchObject({
      code: 'MIGRATION_FAILED',
      migration: withTables,
      done: names.slice(0, names.indexOf(withTables)).map((name) => ({ name, direction: 'up' })),
      message: `migration ${withTables} (up) failed: not today`,
      cause: { code: 'P0001' },
    })
    expect((await applied()).at(-1)).toBe(names[names.indexOf(withTables) - 1])
    const { rows } = await database.pool.query(`SELECT to_regclass('users') AS users`)
    expect(rows).toEqual([{ users: null }])

    await database.pool.query('DROP EVENT TRIGGER refuse')
    expect(await migrateTo(database.db, withTables)).toHaveLength(1)
  })

  test('leaves nothing at all when it is the first', async () => {
    await refuse(database, 'CREATE TABLE', 'fleet.adoptions')
    expect(await caught(migrateUp(database.db))).toMatchObject({ migration: first, done: [], cause: { code: 'P0001' } })
    const { rows } = await database.pool.query(`SELECT to_regnamespace('fleet') AS schema`)
    expect(rows).toEqual([{ schema: null }])
  })

  test('down is rolled back and named likewise', async () => {
    await migrateTo(database.db, withTables)
    await database.pool.query('CREATE VIEW names AS SELECT full_name FROM users')
    expect(await caught(migrateDown(database.db))).toMatchObject({
      code: 'MIGRATION_FAILED',
      migration: withTables,
      cause: { code: '2BP01' },
    })
    expect((await applied()).at(-1)).toBe(withTables)
  })
})

describe('two at once', () => {
  test('on one database both end well: one works, one finds nothing to do', async () => {
    const steps = await Promise.all([migrateUp(database.db), migrateUp(other.db)])
    expect(steps.map(({ length }) => length).sort()).toEqual([0, names.length])
    expect(await pendingMigrations(database.db)).toEqual([])
  })

  test('one up and one to nothing end with all or with nothing', async () => {
    await migrateTo(database.db, third)
    await Promise.all([migrateUp(database.db), migrateTo(other.db, null)])
    expect([0, names.length]).toContain((await applied()).length)
  })

  test('the second waits while the first has the lock, and goes on when the first is killed', async () => {
    const holder = new pg.Client(database.url)
    holder.on('error', () => {})
    await holder.connect()
    await holder.query(`SELECT pg_advisory_lock(hashtextextended('fleet.migrations', 0))`)

    const waiting = migrateTo(other.db, first)
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE application_name = 'other' AND query LIKE '%pg_try_advisory_lock%' AND state = 'idle'`,
      )
      expect(rows).toHaveLength(1)
    })
    expect(await applied()).toEqual([])

    await database.pool.query(`
      SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database
       WHERE locktype = 'advisory' AND datname = current_database()`)
    expect(await waiting).toMatchObject([{ name: first }])
  })
})

describe('waiting for another process', () => {
  let holder: pg.Client

  beforeEach(async () => {
    holder = new pg.Client({ connectionString: database.url, application_name: 'the other one' })
    await holder.connect()
    await holder.query(`SELECT pg_advisory_lock(hashtextextended('fleet.migrations', 0))`)
  })
  afterEach(() => holder.end())

  test('says at once who that is, and ends when the time to wait is over', async () => {
    const seen = vi.fn()
    expect(await caught(migrateUp(database.db, { waitMs: 200, onWaiting: seen }))).toMatchObject({
      code: 'MIGRATION_LOCKED',
      message: expect.stringMatching(
        /^another process is migrating this database: PostgreSQL process \d+ \(the other one/,
      ),
    })
    expect(seen).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ applicationName: 'the other one' }))
    expect(await applied()).toEqual([])
  })

  test('does not begin to wait where it is told not to', async () => {
    const seen = vi.fn()
    expect(await caught(migrateUp(database.db, { waitMs: 0, onWaiting: seen }))).toMatchObject({
      code: 'MIGRATION_LOCKED',
    })
    expect(seen).not.toHaveBeenCalled()
  })
})

test('a table in use by others is waited for in short turns, so that nobody queues up behind the migration for long', async () => {
  await migrateUp(database.db)
  await migrateDown(database.db)
  const reader = new pg.Client(database.url)
  await reader.connect()
  await migrateTo(database.db, '20260101001100_insert_default_data')
  await reader.query('BEGIN; SELECT FROM email_queue')

  const migrating = migrateUp(other.db)
  await vi.waitFor(async () => {
    const { rows } = await database.pool.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'other' AND wait_event_type = 'Lock'`,
    )
    expect(rows).toHaveLength(1)
  })
  // It gives the queue up again while the reader is still there: this writer gets through.
  await database.pool.query(`INSERT INTO email_queue (recipient_to, subject, body) VALUES ('a@example.com', 'a', 'a')`)
  expect((await reader.query('SELECT count(*)::integer AS n FROM email_queue')).rows).toEqual([{ n: 1 }])
  await reader.query('COMMIT')
  await reader.end()
  await migrating
  expect(await pendingMigrations(database.db)).toEqual([])
})

describe('an edited migration', () => {
  beforeEach(async () => {
    await migrateTo(database.db, third)
    await database.pool.query(`UPDATE fleet.migrations SET checksum = 'another' WHERE name = $1`, [second])
  })

  test('is named, and nothing is applied or reverted until it is put right', async () => {
    for (const migrate of [migrateUp, migrateDown]) {
      expect(await caught(migrate(database.db))).toMatchObject({
        code: 'MIGRATION_EDITED',
        message: `edited after it was applied: ${second}`,
      })
    }
    expect(await listMigrations(database.db)).toMatchObject([
      { edited: false },
      { edited: true },
      { edited: false },
      ...names.slice(3).map(() => ({ edited: false })),
    ])
  })

  test('is accepted by a stamp, which executes nothing', async () => {
    await stampMigration(database.db, third)
    expect(await applied()).toEqual([first, second, third])
    expect(await migrateUp(database.db)).toHaveLength(names.length - 3)
  })
})

describe('a stamp', () => {
  test('of an empty database makes the bookkeeping and nothing else', async () => {
    await stampMigration(database.db, second)
    expect(await applied()).toEqual([first, second])
    const { rows } = await database.pool.query(
      `SELECT relname FROM pg_class WHERE relnamespace IN ('fleet'::regnamespace, 'public'::regnamespace) AND relkind = 'r'`,
    )
    expect(rows).toEqual([{ relname: 'migrations' }])
  })

  test('keeps the time and the role of what is noted rightly already', async () => {
    await migrateTo(database.db, second)
    const before = await listMigrations(database.db)
    await stampMigration(database.db, third)
    expect((await listMigrations(database.db)).slice(0, 2)).toEqual(before.slice(0, 2))
  })

  test('is refused where a newer release has migrated', async () => {
    await migrateTo(database.db, first)
    await database.pool.query(`INSERT INTO fleet.migrations VALUES ('29990101000000_add_future', 'cafe')`)
    expect(await caught(stampMigration(database.db, first))).toMatchObject({ code: 'MIGRATION_DATABASE_AHEAD' })
  })

  test('of an earlier migration forgets the later ones', async () => {
    await migrateTo(database.db, third)
    await stampMigration(database.db, first)
    expect(await applied()).toEqual([first])
  })

  test('of an unknown name is refused', async () => {
    expect(await caught(stampMigration(database.db, 'weather'))).toMatchObject({ code: 'MIGRATION_NAME_UNKNOWN' })
    expect(await applied()).toEqual([])
  })
})

describe('the list of migrations', () => {
  test('says of an untouched database that all are pending, and touches nothing', async () => {
    expect(await listMigrations(database.db)).toEqual(names.map(untouched))
    expect(await pendingMigrations(database.db)).toEqual(names)
    const { rows } = await database.pool.query(`SELECT to_regnamespace('fleet') AS schema`)
    expect(rows).toEqual([{ schema: null }])
  })

  test('says when each was applied', async () => {
    const before = Date.now()
    await migrateTo(database.db, second)
    const [one, two, three] = await listMigrations(database.db)
    expect(three).toEqual(untouched(third))
    const { rows } = await database.pool.query('SELECT current_user AS me')
    expect([one?.appliedBy, two?.appliedBy]).toEqual([rows[0].me, rows[0].me])
    expect(one?.appliedAt?.getTime()).toBeGreaterThanOrEqual(before)
    expect(two?.appliedAt?.getTime()).toBeGreaterThanOrEqual(one?.appliedAt?.getTime() ?? 0)
    expect(await pendingMigrations(database.db)).toEqual(names.slice(2))
  })

  test('can be read by a role that may only read', async () => {
    const migrated = await createTestDatabase()
    const role = `test_${randomBytes(6).toString('hex')}`
    await migrated.pool.query(`CREATE ROLE ${role}; GRANT SELECT ON fleet.migrations TO ${role}`)
    const url = new URL(migrated.url)
    url.searchParams.set('options', `-c role=${role} -c default_transaction_read_only=on`)
    const reader = connectDatabase({ url: url.href, applicationName: 'reader' })
    expect(await pendingMigrations(reader.db)).toEqual([])
    expect(await listMigrations(reader.db)).toHaveLength(names.length)
    await reader.close()
    await migrated.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    await migrated.drop()
  })

  test('has what a newer release applied, which this one neither goes on from nor reverts', async () => {
    await migrateTo(database.db, first)
    await database.pool.query(`INSERT INTO fleet.migrations VALUES ('29990101000000_add_future', 'cafe')`)
    expect((await listMigrations(database.db)).at(-1)).toMatchObject({
      name: '29990101000000_add_future',
      known: false,
    })
    for (const migrate of [migrateUp, migrateDown]) {
      expect(await caught(migrate(database.db))).toMatchObject({
        code: 'MIGRATION_DATABASE_AHEAD',
        message: 'the database was migrated by a newer release: 29990101000000_add_future',
      })
    }
  })
})

const untouched = (name: string) => ({ name, appliedAt: null, appliedBy: null, known: true, edited: false })

/** Has the server refuse a command on that object. */
async function refuse({ pool }: TestDatabase, command: string, object: string): Promise<void> {
  await pool.query(`
    CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
      IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = '${object}') THEN RAISE 'not today'; END IF;
    END $$`)
  await pool.query(
    `CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('${command}') EXECUTE FUNCTION refuse()`,
  )
}

/** Migrates on sessions with these settings. */
async function migrateWith(options: string): Promise<void> {
  const url = new URL(database.url)
  url.searchParams.set('options', options)
  const { db, close } = connectDatabase({ url: url.href, applicationName: 'fleet-test' })
  await migrateUp(db).finally(close)
}

async function applied(): Promise<string[]> {
  const migrations = await listMigrations(database.db)
  return migrations.filter(({ appliedAt }) => appliedAt !== null).map(({ name }) => name)
}

async function caught(promise: Promise<unknown>): Promise<MigrationError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof MigrationError)) throw new Error('no MigrationError was thrown', { cause: error })
  return error
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { migrationNames } from '../../src/db/migration-files.ts'
import { readMigrationScripts } from '../../src/db/migration-script.ts'
import { listMigrations } from '../../src/db/migration-state.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { createFleet, type Fleet } from '../cli/fleet.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { readCatalogue } from './catalogue.ts'

// Twenty times all migrations.
vi.setConfig({ testTimeout: 180_000 })

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyTestDatabase()
})
afterEach(() => database.drop())

describe('a migrator whose connection is cut', () => {
  test('anywhere leaves what up completes, to the same schema', async () => {
    const statements = await countStatements()
    const whole = await readCatalogue(database.pool)
    for (const point of spread(statements, 20)) {
      await migrateTo(database.db, null)
      await expect(migrateUpUntilCut(database.url, point), `cut at ${point}`).rejects.toThrow()
      await migrateUp(database.db)
      expect(await readCatalogue(database.pool), `cut at ${point} of ${statements}`).toEqual(whole)
    }
  })

  test('in the middle of a migration leaves nothing of that one', async () => {
    const scripts = await readMigrationScripts()
    const first = scripts[0]?.name ?? ''
    await migrateTo(database.db, first)
    const before = await readCatalogue(database.pool)
    await expect(migrateUpUntilCut(database.url, 12)).rejects.toThrow()
    expect(await readCatalogue(database.pool)).toEqual(before)
    expect((await listMigrations(database.db)).filter(({ appliedAt }) => appliedAt !== null)).toHaveLength(1)
  })
})

describe('a migrator that is killed while it builds an index concurrently', () => {
  const index = '20260301000500_create_portraits_search_index'
  let before: string
  let fleet: Fleet
  let reader: pg.Client

  beforeEach(async () => {
    const names = await migrationNames()
    before = names[names.indexOf(index) - 1] ?? ''
    fleet = await createFleet({ DATABASE_URL: database.url })
    await migrateTo(database.db, before)
    // A transaction with a snapshot: CREATE INDEX CONCURRENTLY waits for its end, and the index is invalid until then.
    reader = new pg.Client(database.url)
    await reader.connect()
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM portraits')
  })
  afterEach(() => Promise.all([reader.end(), fleet.installation.remove()]))

  /** A `fleet migrate to` killed at that moment, and its session on the server. */
  async function killWhileBuilding(): Promise<number> {
    const migrator = spawn(fleet.path, ['migrate', 'to', index], { env: fleet.environment(), stdio: 'ignore' })
    let pid = 0
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'`,
      )
      pid = rows[0]?.pid ?? 0
      expect(pid).toBeGreaterThan(0)
    }, 25_000)
    migrator.kill('SIGKILL')
    await once(migrator, 'exit')
    expect(await isValid()).toBe(false)
    return pid
  }

  async function isValid(): Promise<boolean | undefined> {
    const { rows } = await database.pool.query<{ valid: boolean }>(
      `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('ix_portraits_search')`,
    )
    return rows[0]?.valid
  }

  test('lets the next one in when its session has ended, which finds the index built', async () => {
    await killWhileBuilding()
    const seen = vi.fn()
    const next = migrateTo(database.db, index, { onWaiting: seen })
    await vi.waitFor(() => expect(seen).toHaveBeenCalled())
    await reader.query('COMMIT')
    expect(await next).toMatchObject([{ name: index }])
    expect(await isValid()).toBe(true)
  })

  test('leaves an invalid index when its session is ended as well, and the next one builds it anew', async () => {
    const pid = await killWhileBuilding()
    await database.pool.query('SELECT pg_terminate_backend($1)', [pid])
    await reader.query('COMMIT')
    expect(await isValid()).toBe(false)
    expect(await migrateTo(database.db, index)).toMatchObject([{ name: index }])
    expect(await isValid()).toBe(true)
  })

  test('is made up for without anybody waiting long, also while the table is in use', async () => {
    const pid = await killWhileBuilding()
    await database.pool.query('SELECT pg_terminate_backend($1)', [pid])
    const next = migrateTo(database.db, index)
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'DO%' AND wait_event_type = 'Lock'`,
      )
      expect(rows).toHaveLength(1)
    }, 25_000)
    // The reader is still there: this writer gets through when the migrator steps aside.
    await database.pool.query(`INSERT INTO portraits (company_id, file_path) VALUES (1, '/p')`)
    expect((await reader.query('SELECT count(*)::integer AS n FROM portraits')).rows).toEqual([{ n: 0 }])
    await reader.query('COMMIT')
    expect(await next).toMatchObject([{ name: index }])
    expect(await isValid()).toBe(true)
  })
})

/** How many statements `up` sends on an empty database. */
async function countStatements(): Promise<number> {
  let sent = 0
  await withCountedConnection(database.url, () => (sent += 1))
  return sent
}

async function migrateUpUntilCut(url: string, point: number): Promise<void> {
  let left = point
  await withCountedConnection(url, (client) => {
    left -= 1
    // As the kernel does it for a process that was killed.
    if (left === 0) client.connection.stream.destroy()
  })
}

async function withCountedConnection(url: string, onStatement: (client: pg.PoolClient) => void): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    client.on('error', () => {})
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    Object.assign(client, {
      query(...args: unknown[]) {
        onStatement(client)
        return query(...args)
      },
    })
  })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  await migrateUp(db).finally(() => db.destroy())
}

/** So many points, evenly from the first statement to the last. */
function spread(statements: number, points: number): number[] {
  return Array.from({ length: points }, (_, index) => 1 + Math.floor((index * (statements - 1)) / (points - 1)))
}

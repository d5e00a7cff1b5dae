import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readMigrationScripts } from '../../src/db/migration-script.ts'
import { listMigrations } from '../../src/db/migration-state.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { readCatalogue } from './catalogue.ts'

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

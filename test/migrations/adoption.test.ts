import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compareCatalogues } from '../../src/db/catalogue/comparison.ts'
import { readCatalogue as readLiveCatalogue } from '../../src/db/catalogue/reader.ts'
import { expectedCatalogue } from '../../src/db/catalogue/snapshot.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { hasMajor, startCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { readCatalogue } from './catalogue.ts'
import { checksums, fillPlatform } from './installation-rows.ts'
import { readMeanings } from './meaning.ts'
import { type CreationOrder, installPlatform } from './platform-installation.ts'

const orders = ['in one go', 'bit by bit'] as const

describe.each(orders)('an installation that came about %s', (order) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createEmptyTestDatabase()
  })
  afterEach(() => database.drop())

  test('ends where an empty database ends, with every row as it was but the mail and the notices that waited', async () => {
    const { db, pool } = database
    await installPlatform(pool, order)
    await fillPlatform(pool)
    const { email_queue: _, notifications: __, ...before } = await checksums(pool)
    const fresh = await createTestDatabase()

    await migrateUp(db)

    expect(await readMeanings(pool)).toEqual(await readMeanings(fresh.pool))
    expect(compareCatalogues(await expectedCatalogue('fleet'), await readLiveCatalogue(db)).differences).toEqual([])
    expect(await checksums(pool)).toMatchObject(before)
    expect((await pool.query('SELECT * FROM alembic_version')).rows).toEqual([{ version_num: '20251218_initial' }])
    await fresh.drop()
  })

  test('is what it was after down: rows, definitions, names, owners, grants and comments', async () => {
    await comesBack(database, order)
  })
})

test.skipIf(!(await hasMajor(12)))('on PostgreSQL 12 installations are adopted and given back likewise', async () => {
  const cluster = await startCluster({ major: 12 })
  const fresh = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(fresh.db)
  for (const order of orders) {
    const database = await createEmptyTestDatabase(cluster.adminUrl)
    await installPlatform(database.pool, order)
    await fillPlatform(database.pool)
    const { email_queue: _, notifications: __, ...before } = await checksums(database.pool)
    await migrateUp(database.db)
    expect(await readMeanings(database.pool)).toEqual(await readMeanings(fresh.pool))
    expect(await checksums(database.pool)).toMatchObject(before)
    await migrateTo(database.db, null)
    await database.pool.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public`)
    await comesBack(database, order)
    await database.db.destroy()
  }
  await fresh.db.destroy()
  await cluster.remove()
})

/** Up and down, over an installation that people have changed. */
async function comesBack(database: TestDatabase, order: CreationOrder): Promise<void> {
  const { db, pool } = database
  await installPlatform(pool, order)
  await fillPlatform(pool)
  const role = await giveAway(database)
  const rows = await checksums(pool)
  const catalogue = await readCatalogue(pool)

  await migrateUp(db)
  await migrateTo(db, null)

  expect(await readCatalogue(pool)).toEqual(catalogue)
  expect(await checksums(pool)).toEqual(rows)
  await pool.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
}

/** Some tables with another owner, with grants and comments, and things that the specification does not know. */
async function giveAway({ pool }: TestDatabase): Promise<string> {
  const role = `test_${randomBytes(6).toString('hex')}`
  await pool.query(`
    CREATE ROLE ${role};
    ALTER TABLE companies OWNER TO ${role}; ALTER TABLE videos OWNER TO ${role}; ALTER TABLE email_queue OWNER TO ${role};
    ALTER VIEW expiring_subscriptions OWNER TO ${role};
    GRANT SELECT ON projects, expiring_subscriptions TO ${role};
    GRANT UPDATE (name) ON projects TO ${role};
    COMMENT ON TABLE projects IS 'ours'; COMMENT ON COLUMN projects.name IS 'a name'; COMMENT ON VIEW expiring_subscriptions IS 'soon';
    ALTER TABLE email_queue SET (autovacuum_vacuum_threshold = 7); ALTER TABLE notifications SET (autovacuum_vacuum_scale_factor = 0.5);
    ALTER TABLE companies ADD COLUMN legacy_code text, ALTER COLUMN content_types SET DEFAULT 'all', ALTER COLUMN storage_quota_gb DROP DEFAULT;
    CREATE INDEX ix_companies_legacy_code ON companies (legacy_code);
    CREATE TABLE plans (id integer, updated_at timestamptz);
    CREATE TRIGGER plans_updated_at BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
    ALTER TABLE videos DISABLE TRIGGER update_videos_updated_at`)
  return role
}

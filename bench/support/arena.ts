import pg from 'pg'
import { migrateUp } from '../../src/db/migrator.ts'
import { startCluster, type TestCluster } from '../../test/support/cluster.ts'
import { copyTestDatabase, createEmptyTestDatabase, type TestDatabase } from '../../test/support/database.ts'

/** A PostgreSQL, on a disk and with full durability unless it is for show, and what a measurement needs of it. */
export interface Arena {
  readonly cluster: TestCluster
  /** Read from the server. */
  readonly settings: Readonly<Record<string, string>>
  /** A database with the fleet's schema, empty. */
  createFleetDatabase(): Promise<TestDatabase>
  /** A copy of one that nobody is connected to. */
  copyDatabase(template: string): Promise<TestDatabase>
  /** A database without any schema. */
  createEmptyDatabase(): Promise<TestDatabase>
  close(): Promise<void>
}

const shown = [
  'server_version',
  'fsync',
  'full_page_writes',
  'synchronous_commit',
  'wal_sync_method',
  'wal_level',
  'shared_buffers',
  'max_wal_size',
  'checkpoint_timeout',
  'autovacuum',
]

/** Only the room for WAL differs from PostgreSQL's defaults: whether a checkpoint falls into a run or not is chance. */
export async function openArena({ durable }: { durable: boolean }): Promise<Arena> {
  const cluster = await startCluster({ durable, settings: { max_wal_size: '8GB', checkpoint_timeout: '1h' } })
  const migrated = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(migrated.db)
  const template = await closeAsTemplate(cluster, migrated)
  return {
    cluster,
    settings: await readSettings(cluster.adminUrl),
    createFleetDatabase: () => copyTestDatabase(cluster.adminUrl, template),
    copyDatabase: (template) => copyTestDatabase(cluster.adminUrl, template),
    createEmptyDatabase: () => createEmptyTestDatabase(cluster.adminUrl),
    close: () => cluster.remove(),
  }
}

/** Nobody may connect to it any more, as a copy would wait for them. Answers its name. */
export async function closeAsTemplate({ adminUrl }: TestCluster, { url, pool }: TestDatabase): Promise<string> {
  const name = new URL(url).pathname.slice(1)
  await pool.end()
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`)
  await admin.end()
  return name
}

async function readSettings(url: string): Promise<Record<string, string>> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query<{ name: string; setting: string }>(
    `SELECT name, current_setting(name) AS setting FROM pg_settings WHERE name = ANY($1)`,
    [shown],
  )
  await client.end()
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]))
  return Object.fromEntries(shown.map((name) => [name, settings.get(name) ?? '']))
}

/**
 * The nightly recount of storage at the size that the platform is specified for: 10,000 companies with two folders each, a tenth of the
 * portraits in none, five videos a portrait. First when everything differs, then when nothing does; and the slowest batch, beside how
 * long another session waited that changed a folder every few milliseconds meanwhile.
 *
 *   node bench/recount-storage.ts [portraits]
 */
import process from 'node:process'
import pg from 'pg'
import { pino } from 'pino'
import { migrateUp } from '../src/db/migrator.ts'
import { recountStorage } from '../src/usage/storage-recount.ts'
import { startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'
import { ms } from './support/quantiles.ts'

const portraits = Number(process.argv[2] ?? 1_000_000)
const cluster = await startCluster({ durable: true, settings: { max_wal_size: '8GB', fsync: 'off' } })
const { db, pool, url } = await createEmptyTestDatabase(cluster.adminUrl)
await migrateUp(db)
const loader = new pg.Client(url)
await loader.connect()
await loader.query(`
  SET session_replication_role = replica;
  INSERT INTO companies (id, name, slug) SELECT n, 'Company ' || n, 'c' || n FROM generate_series(1001, 11000) n;
  INSERT INTO storage_folders (id, company_id, name, path) SELECT n, 1001 + n % 10000, 'F', '/f' FROM generate_series(1, 20000) n;
  INSERT INTO portraits (id, company_id, file_path, storage_folder_id)
  SELECT n, 1001 + n % 10000, '/p', CASE WHEN n % 10 > 0 THEN 1 + n % 20000 END FROM generate_series(1, ${portraits}) n;
  INSERT INTO videos (portrait_id, file_path, size_bytes)
  SELECT 1 + n % ${portraits}, '/v', 1000000 + n % 1000 FROM generate_series(1, ${portraits * 5}) n`)
await loader.query('VACUUM ANALYZE')
await loader.query('CHECKPOINT')
await loader.end()

for (const state of ['everything differs', 'nothing differs']) {
  const ending = new AbortController()
  const waits = changeFolders(ending.signal)
  const startedAt = performance.now()
  const counted = await recountStorage({ db, signal: new AbortController().signal, log: pino({ level: 'warn' }) })
  console.log(state, ms(performance.now() - startedAt), JSON.stringify(counted))
  ending.abort()
  console.log('the platform waited at most', ms(await waits))
}
await pool.end()
await cluster.remove()

/** Changes the path of one folder after another, and back; answers how long the slowest change took. */
async function changeFolders(signal: AbortSignal): Promise<number> {
  let slowest = 0
  for (let n = 0; !signal.aborted; n += 1) {
    const startedAt = performance.now()
    await pool.query(`UPDATE storage_folders SET path = path || '/' WHERE id = $1`, [1 + (n % 20_000)])
    slowest = Math.max(slowest, performance.now() - startedAt)
  }
  return slowest
}

/**
 * Converts an audit_log of 1,000,000 rows into monthly partitions and makes the coming months, while eight connections insert without a
 * pause. Prints the slowest INSERT of each phase; no INSERT may fail, and no row may be lost.
 *
 *   node bench/partition-audit-log.ts [major] [rows]
 */
import process from 'node:process'
import { sql } from 'kysely'
import pg from 'pg'
import { pino } from 'pino'
import { migrateTo } from '../src/db/migrator.ts'
import { keepPartitions } from '../src/maintenance/partitions.ts'
import { startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'
import { ms, quantile } from './support/quantiles.ts'

const major = Number(process.argv[2] ?? 18) as 12 | 13 | 18
const rows = Number(process.argv[3] ?? 1_000_000)
const writers = 8

const cluster = await startCluster({ major, durable: true, settings: { max_wal_size: '8GB' } })
const { db, pool, url } = await createEmptyTestDatabase(cluster.adminUrl)
await migrateTo(db, '20260302000400_create_partition_conversion')
for (let done = 0; done < rows; done += 100_000) {
  await sql`
    INSERT INTO audit_log (entity_type, entity_id, action, changes, actor_email, created_at)
    SELECT 'project', n, 'update', '{"status": ["active", "expired"]}', 'anna@example.com',
           fleet.utc_now() - random() * interval '365 days'
      FROM generate_series(1, ${sql.lit(Math.min(100_000, rows - done))}) n`.execute(db)
}
await pool.query('VACUUM ANALYZE audit_log')
await pool.query('CHECKPOINT')

let phase = 'before'
const times = new Map<string, number[]>()
const stopping = new AbortController()
const writing = Array.from({ length: writers }, write)
await during('before', () => new Promise((resolve) => setTimeout(resolve, 3_000)))
await during('keys, concurrently', () => migrateTo(db, '20260302000500_index_tables_to_partition'))
await during('conversion', () => migrateTo(db, '20260302000700_partition_ar_view_sessions'))
await during('coming months', async () => {
  const kept = await keepPartitions({ db, signal: stopping.signal, log: pino({ level: 'warn' }) })
  console.log(kept)
})
stopping.abort()
const inserted = (await Promise.all(writing)).reduce((sum, n) => sum + n, 0)
const { rows: counted } = await pool.query(`
  SELECT count(*)::int AS all, count(*) FILTER (WHERE tableoid = 'audit_log_default'::regclass)::int AS default FROM audit_log`)
console.table(counted)
console.log(`${inserted} inserted meanwhile, ${rows + inserted - counted[0].all} lost`)
await pool.end()
await cluster.remove()

async function during(name: string, act: () => Promise<unknown>): Promise<void> {
  phase = name
  const startedAt = performance.now()
  await act()
  const took = performance.now() - startedAt
  const inserts = times.get(name) ?? []
  console.table({
    [name]: {
      took: ms(took),
      inserts: inserts.length,
      p50: ms(quantile(inserts, 0.5)),
      p99: ms(quantile(inserts, 0.99)),
      slowest: ms(Math.max(...inserts)),
    },
  })
}

/** How many it inserted; rejects when one fails. */
async function write(): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  let count = 0
  for (; !stopping.signal.aborted; count += 1) {
    const before = performance.now()
    await client.query(
      `INSERT INTO audit_log (entity_type, entity_id, action, actor_email) VALUES ('project', $1, 'update', 'b@example.com')`,
      [count],
    )
    const took = performance.now() - before
    const list = times.get(phase) ?? []
    times.set(phase, list)
    list.push(took)
  }
  await client.end()
  return count
}

/**
 * What a claim of ten rows costs with 1,000 rows due, alone and with 1,000,000 sent rows behind and 200,000 rows of priority 1
 * scheduled for next month, on the oldest and the newest PostgreSQL. Claims alternate between the two databases.
 *
 *   node bench/claim.ts [claims]
 */
import process from 'node:process'
import { migrateUp } from '../src/db/migrator.ts'
import { emailTable } from '../src/email/store.ts'
import { giveBack } from '../src/queue/drain.ts'
import { hasMajor, startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../test/support/database.ts'
import { ms, quantile } from './quantiles.ts'

const claims = Number(process.argv[2] ?? 400)
const results: Record<string, object> = {}
for (const major of [13, 18] as const) {
  if (await hasMajor(major)) results[`PostgreSQL ${major}`] = await measure(major)
}
console.table(results)

async function measure(major: 13 | 18): Promise<object> {
  const cluster = await startCluster({ major, durable: true, settings: { max_wal_size: '8GB' } })
  const alone = await fill(await createEmptyTestDatabase(cluster.adminUrl), { sent: 0, ahead: 0 })
  const among = await fill(await createEmptyTestDatabase(cluster.adminUrl), { sent: 1_000_000, ahead: 200_000 })
  const times = { alone: [] as number[], among: [] as number[] }
  for (let n = 0; n < claims; n += 1) {
    times.alone.push(await claimOnce(alone))
    times.among.push(await claimOnce(among))
  }
  await alone.drop()
  await among.drop()
  await cluster.remove()
  const [median, medianAmong] = [quantile(times.alone, 0.5), quantile(times.among, 0.5)]
  return { alone: ms(median), 'among 1,200,000': ms(medianAmong), ratio: (medianAmong / median).toFixed(2) }
}

async function fill(database: TestDatabase, { sent, ahead }: { sent: number; ahead: number }): Promise<TestDatabase> {
  await migrateUp(database.db)
  const insert = (rows: number, columns: string, values: string) =>
    database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, ${columns})
      SELECT format('user%s@example.com', n), 'subject', repeat('text ', 40), ${values} FROM generate_series(1, ${rows}) n`)
  await database.pool.query('SET statement_timeout = 0')
  for (let done = 0; done < sent; done += 100_000)
    await insert(100_000, 'status, attempts, sent_at', `'sent', 1, now()`)
  if (ahead > 0) await insert(ahead, 'priority, scheduled_at', `1, fleet.utc_now() + interval '30 days'`)
  await insert(1_000, 'priority', '1 + n % 10')
  await database.pool.query('VACUUM ANALYZE email_queue')
  await database.pool.query('CHECKPOINT')
  return database
}

async function claimOnce(database: TestDatabase): Promise<number> {
  const table = emailTable(database, {
    owner: 'bench',
    leaseSeconds: 60,
    messageIdDomain: 'example.com',
    holdAmbiguous: [],
  })
  const before = performance.now()
  const { rows } = await table.claim({ limit: 10 })
  const took = performance.now() - before
  await table.record(rows.map(giveBack))
  return took
}

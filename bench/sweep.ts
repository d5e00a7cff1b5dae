/**
 * What a sweep takes with nothing due, among 1,000 projects and 10,000 portraits and among a hundred times as many, in turn; then one with
 * 10,000 due.
 *
 *   node bench/sweep.ts [sweeps]
 */
import process from 'node:process'
import pino from 'pino'
import { migrateUp } from '../src/db/migrator.ts'
import { type SweepOptions, sweep } from '../src/subscriptions/sweep.ts'
import { fillSubscriptions, makeDue } from '../test/subscriptions/many-subscriptions.ts'
import { hasMajor, startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../test/support/database.ts'
import { ms, quantile } from './support/quantiles.ts'

const sweeps = Number(process.argv[2] ?? 30)
for (const major of [13, 18] as const) {
  if (await hasMajor(major)) await measure(major)
}

async function measure(major: 13 | 18): Promise<void> {
  const cluster = await startCluster({ major, durable: true, settings: { max_wal_size: '8GB' } })
  const few = await fill(cluster.adminUrl, 1)
  const many = await fill(cluster.adminUrl, 100)
  const times = { few: [] as number[], many: [] as number[] }
  for (let n = 0; n < sweeps; n += 1) {
    times.few.push(await sweepOnce(few))
    times.many.push(await sweepOnce(many))
  }
  const [median, medianOfMany] = [quantile(times.few, 0.5), quantile(times.many, 0.5)]
  console.log(`PostgreSQL ${major}`)
  console.table({
    'nothing due': {
      'among 11,000': ms(median),
      'among 1,100,000': ms(medianOfMany),
      'the slowest of these': ms(Math.max(...times.many)),
      ratio: (medianOfMany / median).toFixed(2),
    },
  })
  await makeDue(many, 10_000)
  console.table({ '10,000 due': { 'among 1,100,000': ms(await sweepOnce(many, { max: 1_000_000 })) } })
  await few.drop()
  await many.drop()
  await cluster.remove()
}

async function fill(adminUrl: string, times: number): Promise<TestDatabase> {
  const database = await createEmptyTestDatabase(adminUrl)
  await migrateUp(database.db)
  await fillSubscriptions(database, { companies: 100 * times, projects: 1_000 * times, portraits: 10_000 * times })
  await database.pool.query('CHECKPOINT')
  return database
}

async function sweepOnce(database: TestDatabase, options?: SweepOptions): Promise<number> {
  const before = performance.now()
  const result = await sweep(
    {
      db: database.db,
      settings: {
        ...{ defaultLocale: 'ru', defaultTimeZone: 'Europe/Moscow', hours: { opens: '09:00', closes: '20:00' } },
        ...{ longPastDays: 30, maxChanges: 1_000, maxPercent: 5 },
        admin: { email: 'admin@vertex.example', telegramChatId: undefined },
      },
      worker: 'bench',
      signal: new AbortController().signal,
      log: pino({ level: 'silent' }),
    },
    options,
  )
  const took = performance.now() - before
  const changes = result.kind === 'done' ? result.counts.notices : -1
  if (changes !== (options ? 10_000 : 0))
    throw new Error(`not the sweep that was to be measured: ${JSON.stringify(result)}`)
  return took
}

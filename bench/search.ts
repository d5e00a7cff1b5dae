/**
 * What searches take among 100,000 companies, projects, clients and portraits each, on the oldest and the newest PostgreSQL.
 *
 *   node bench/search.ts [rows] [searches]
 */
import process from 'node:process'
import { search } from '../src/ops/search.ts'
import { fillForSearch } from '../test/ops/searchable-rows.ts'
import { hasMajor, startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'
import { ms, quantile } from './support/quantiles.ts'

const rows = Number(process.argv[2] ?? 100_000)
const searches = Number(process.argv[3] ?? 20)
const queries = {
  'a number that few have': (n: number) => String(10_000 + n * 37),
  'the beginning of a number': (n: number) => String(1_000 + n * 37),
  'a word and a number': (n: number) => `музей ${10_000 + n * 37}`,
  'two common words': () => 'студия музей',
  'a word of a third of all projects': () => 'музеи',
  'the beginning of several common words': () => 'му',
}

for (const major of [12, 18] as const) {
  if (await hasMajor(major)) await measure(major)
}

async function measure(major: 12 | 18): Promise<void> {
  const cluster = await startCluster({ major, durable: true })
  const database = await createEmptyTestDatabase(cluster.adminUrl)
  const startedAt = performance.now()
  await fillForSearch(database, rows)
  console.log(
    `PostgreSQL ${major}, ${rows} rows of each kind, made in ${Math.round((performance.now() - startedAt) / 1000)} s`,
  )
  const { rows: sizes } = await database.pool.query(`
    SELECT relname AS index, pg_size_pretty(pg_relation_size(oid)) AS size FROM pg_class WHERE relname LIKE 'ix\\_%\\_search' ORDER BY 1`)
  console.table(sizes)
  const results: Record<string, object> = {}
  for (const [name, query] of Object.entries(queries)) {
    const times: number[] = []
    for (let n = 0; n < searches; n += 1) {
      const before = performance.now()
      await search(database.db, { words: query(n), limit: 20 })
      times.push(performance.now() - before)
    }
    results[name] = { median: ms(quantile(times, 0.5)), '95 %': ms(quantile(times, 0.95)) }
  }
  console.table(results)
  await database.drop()
  await cluster.remove()
}

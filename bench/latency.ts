/**
 * From INSERT to accepted by the mail server, one worker process that idles, 2,000 inserts; beside it the same INSERT into a table
 * that nobody watches, which is what a durable commit costs here.
 *
 *   node bench/latency.ts [inserts]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import pg from 'pg'
import { migrateUp } from '../src/db/migrator.ts'
import { startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'
import { ms, quantile } from './quantiles.ts'

const count = Number(process.argv[2] ?? 2_000)
const cluster = await startCluster({ durable: true })
const database = await createEmptyTestDatabase(cluster.adminUrl)
await migrateUp(database.db)
await database.pool.query('CREATE TABLE plain (LIKE email_queue INCLUDING ALL)')

const sink = fork(join(import.meta.dirname, 'sink.ts'))
const [{ port }] = (await once(sink, 'message')) as [{ port: number }]
const accepted = new Map<string, PromiseWithResolvers<bigint>>()
sink.on('message', ({ subject, at }: { subject: string; at: string }) => accepted.get(subject)?.resolve(BigInt(at)))

const worker = fork(join(import.meta.dirname, '../workers/email.ts'), {
  env: { PATH: process.env.PATH, DATABASE_URL: database.url, SMTP_URL: `smtp://127.0.0.1:${port}`, LOG_LEVEL: 'warn' },
})
await once(worker, 'message')

const producer = new pg.Client(database.url)
await producer.connect()
const commits: number[] = []
const latencies: number[] = []
for (let n = 0; n < count; n += 1) {
  commits.push(await timed(() => insert('plain', `plain ${n}`)))
  const arrival = Promise.withResolvers<bigint>()
  accepted.set(`mail ${n}`, arrival)
  const before = process.hrtime.bigint()
  await insert('email_queue', `mail ${n}`)
  latencies.push(Number((await arrival.promise) - before) / 1e6)
  accepted.delete(`mail ${n}`)
  await idle()
}

console.table({
  'INSERT to accepted': {
    p50: ms(quantile(latencies, 0.5)),
    p99: ms(quantile(latencies, 0.99)),
    max: ms(Math.max(...latencies)),
  },
  'a plain INSERT, committed': {
    p50: ms(quantile(commits, 0.5)),
    p99: ms(quantile(commits, 0.99)),
    max: ms(Math.max(...commits)),
  },
})

await producer.end()
worker.kill('SIGINT')
await once(worker, 'exit')
sink.disconnect()
await database.drop()
await cluster.remove()

function insert(table: string, subject: string): Promise<unknown> {
  return producer.query(
    `INSERT INTO ${table} (recipient_to, subject, body, html) VALUES ('user@example.com', $1, 'Hello', '<p>Hello</p>')`,
    [subject],
  )
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const before = process.hrtime.bigint()
  await act()
  return Number(process.hrtime.bigint() - before) / 1e6
}

/** Until the outcome is recorded, so that each insert meets an idle worker. */
async function idle(): Promise<void> {
  for (;;) {
    const { rows } = await producer.query(`SELECT FROM email_queue WHERE status IN ('pending', 'sending') LIMIT 1`)
    if (rows.length === 0) return
  }
}

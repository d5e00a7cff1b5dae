/**
 * The mail server is down for a while under load: two worker processes, rows arriving all the time. Afterwards everything must be
 * delivered, with one attempt on every row.
 *
 *   node bench/smtp-outage.ts [seconds]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { migrateUp } from '../src/db/migrator.ts'
import { startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'
import { startSmtpServer } from '../test/support/smtp-server.ts'

const outageSeconds = Number(process.argv[2] ?? 30)
const rowsAtOnce = 20
const everyMs = 100

const cluster = await startCluster()
const database = await createEmptyTestDatabase(cluster.adminUrl)
await migrateUp(database.db)
const before = await startSmtpServer()
const workers = [await startWorker(), await startWorker()]

let inserted = 0
const producing = new AbortController()
const producer = produce(producing.signal)
await until(async () => before.mails.length >= 500)
await before.stop()
await delay(outageSeconds * 1000)
const after = await startSmtpServer({ port: before.port })
const backAt = performance.now()
await until(async () => after.mails.length > 0)
const firstMs = performance.now() - backAt
await delay(2_000)
producing.abort()
await producer
await until(async () => (await countUnsent()) === 0)
const allMs = performance.now() - backAt

const mails = [...before.mails, ...after.mails]
const { rows: attempts } = await database.pool.query(
  'SELECT attempts, error_class, count(*)::int AS rows FROM email_queue GROUP BY 1, 2 ORDER BY 1, 2',
)
console.table({
  'server down': `${outageSeconds} s`,
  'rows inserted': inserted,
  'mails accepted': mails.length,
  'of them a second time': mails.length - new Set(mails.map((mail) => mail.header('message-id'))).size,
  'from its return to the first mail': `${(firstMs / 1000).toFixed(1)} s`,
  'to the last': `${(allMs / 1000).toFixed(1)} s`,
})
console.log('Attempts:')
console.table(attempts)

for (const worker of workers) {
  worker.kill('SIGINT')
  await once(worker, 'exit')
}
await after.stop()
await database.drop()
await cluster.remove()

async function startWorker(): Promise<ChildProcess> {
  const env = { PATH: process.env.PATH, DATABASE_URL: database.url, SMTP_URL: before.url, LOG_LEVEL: 'error' }
  const worker = fork(join(import.meta.dirname, '../workers/email.ts'), { env })
  await once(worker, 'message')
  return worker
}

async function produce(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await database.pool.query(
      `INSERT INTO email_queue (recipient_to, subject, body)
       SELECT format('user%s@example.com', n), 'Outage', 'Hello' FROM generate_series(1, $1::int) n`,
      [rowsAtOnce],
    )
    inserted += rowsAtOnce
    await delay(everyMs)
  }
}

async function countUnsent(): Promise<number> {
  const { rows } = await database.pool.query(`SELECT count(*)::int AS unsent FROM email_queue WHERE status <> 'sent'`)
  return rows[0].unsent
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(20)
}

/**
 * 100,000 failed mails: what a dry run takes, having all of them waiting again, and stopping that while a worker sends them.
 *
 *   node bench/replay.ts [mails]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { migrateUp } from '../src/db/migrator.ts'
import { carryOnReplay } from '../src/ops/replays/carry-on.ts'
import { createReplay } from '../src/ops/replays/create-replay.ts'
import { previewReplay } from '../src/ops/replays/preview-replay.ts'
import type { ReplayRequest } from '../src/ops/replays/replay.ts'
import { requestStop } from '../src/ops/replays/stop-replay.ts'
import { hasMajor, startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../test/support/database.ts'
import { startSmtpServer } from '../test/support/smtp-server.ts'
import { ms } from './support/quantiles.ts'

const mails = Number(process.argv[2] ?? 100_000)
const request: ReplayRequest = {
  filter: { statuses: ['failed'] },
  actor: 'bench',
  fingerprint: 'bench',
  keepsAttempts: false,
  includesSent: false,
}
const { signal } = new AbortController()
for (const major of [13, 18] as const) {
  if (await hasMajor(major)) await measure(major)
}

async function measure(major: 13 | 18): Promise<void> {
  const cluster = await startCluster({ major, durable: true, settings: { max_wal_size: '8GB' } })
  const database = await createEmptyTestDatabase(cluster.adminUrl)
  try {
    await migrateUp(database.db)
    await fill(database)
    const dryRun = await timed(() => previewReplay(database.db, request))
    const again = await timed(() => previewReplay(database.db, request))
    const created = await timed(() => createReplay(database.db, request))
    const id = created.value.id ?? 0
    const putBack = await timed(() => carryOnReplay(database.db, id, { signal }))
    console.log(`PostgreSQL ${major}, ${dryRun.value.count} mails`)
    console.table({
      'dry run': { took: ms(dryRun.ms) },
      'dry run, again': { took: ms(again.ms) },
      'written down': { took: ms(created.ms) },
      'put back': { took: ms(putBack.ms) },
      'replay, in all': { took: ms(created.ms + putBack.ms) },
      ...(await measureStop(database, id)),
    })
  } finally {
    await database.drop()
    await cluster.remove()
  }
}

/** A worker process sends what was put back; a thousand mails later it is stopped. */
async function measureStop(database: TestDatabase, id: number): Promise<Record<string, { took: string }>> {
  let lastAt = 0
  let count = 0
  const server = await startSmtpServer({
    message() {
      lastAt = performance.now()
      count += 1
      return undefined
    },
  })
  const worker = fork(join(import.meta.dirname, '../workers/email.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, SMTP_URL: server.url, LOG_LEVEL: 'warn' },
  })
  while (count < 1_000) await delay(10)
  const startedAt = performance.now()
  const before = count
  await requestStop(database.db, { id, actor: 'bench' })
  const committed = performance.now()
  await carryOnReplay(database.db, id, { signal })
  const stopped = performance.now()
  await delay(2_000)
  worker.kill('SIGTERM')
  await once(worker, 'exit')
  await server.stop()
  return {
    'stop: committed': { took: ms(committed - startedAt) },
    [`stop: the last of ${count - before} more mails has gone`]: { took: ms(Math.max(0, lastAt - startedAt)) },
    'stop: all is taken back': { took: ms(stopped - startedAt) },
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now()
  const value = await work()
  return { value, ms: performance.now() - startedAt }
}

/** As a day with a full mailbox server leaves them: with a body of 800 bytes, three attempts each, and what the server said of each recipient. */
async function fill({ pool }: TestDatabase): Promise<void> {
  await pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, status, attempts, error_class, last_error, template_id, message_id, recipients)
    SELECT format('user%s@example%s.org', n, n % 50), format('Mail %s', n), repeat('x', 800), 'failed', 3,
           (ARRAY['timeout', 'mailbox_full', 'dns'])[n % 3 + 1], '452 4.2.2 The mailbox is full', NULL, format('<%s.1@x>', n),
           jsonb_build_object(format('user%s@example%s.org', n, n % 50), '{"state": "deferred", "reply": "452 4.2.2 full"}'::jsonb)
      FROM generate_series(1, ${mails}) n`)
  await pool.query(`
    INSERT INTO fleet.email_attempts (email_id, attempt, token, outcome, error_class, reply)
    SELECT n, attempt, n, 'soft_failure', 'mailbox_full', '452 4.2.2 The mailbox is full'
      FROM generate_series(1, ${mails}) n, generate_series(1, 3) attempt`)
  for (const table of ['email_queue', 'fleet.email_attempts']) await pool.query(`VACUUM ANALYZE ${table}`)
  await pool.query('CHECKPOINT')
}

/**
 * Moves 100,000 mails into the archive out of 1,000,000 that were sent, with other months already there, while one worker claims ten mails at
 * a time: how long that takes, and what the claims cost alone and beside it. Then a pass that finds nothing.
 *
 *   node bench/archive.ts [mails to move]
 */
import process from 'node:process'
import { pino } from 'pino'
import { migrateUp } from '../src/db/migrator.ts'
import { emailTable } from '../src/email/store.ts'
import { archiveMail } from '../src/maintenance/email-archive.ts'
import { giveBack } from '../src/queue/drain.ts'
import { startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'
import { ms, quantile } from './quantiles.ts'

const count = Number(process.argv[2] ?? 100_000)
const total = 1_000_000
const cluster = await startCluster({ durable: true, settings: { max_wal_size: '8GB' } })
const database = await createEmptyTestDatabase(cluster.adminUrl)
await migrateUp(database.db)
await fill()

const table = emailTable(database, {
  owner: 'bench',
  leaseSeconds: 60,
  messageIdDomain: 'example.com',
  holdAmbiguous: [],
})
const maintenance = { db: database.db, signal: new AbortController().signal, log: pino({ level: 'silent' }) }
const archive = () => archiveMail(maintenance, { count: 90, unit: 'days' })

const alone: number[] = []
while (alone.length < 500) alone.push(await claimOnce())
const [moving, beside] = await besideClaims(archive)
const [nothing] = await besideClaims(archive)
console.table({
  'claims alone': quantiles(alone),
  [`claims while ${moving.moved} mails are moved`]: quantiles(beside),
})
console.table({
  [`${moving.moved} mails moved, with VACUUM (ANALYZE)`]: { seconds: moving.seconds.toFixed(1) },
  [`${nothing.moved} mails moved`]: { seconds: nothing.seconds.toFixed(3) },
})
await database.drop()
await cluster.remove()

/** Mails of the last months, so many of them older than 90 days, and some that are due. */
async function fill(): Promise<void> {
  const insert = (rows: string, columns: string, values: string) =>
    database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, html, ${columns})
      SELECT format('user%s@example%s.com', n, n % 50), 'subject', repeat('text ', 40), repeat('<p>html</p>', 40), ${values}
        FROM generate_series(${rows}) n`)
  for (let done = 0; done < total; done += 50_000)
    await insert(
      `${done + 1}, ${done + 50_000}`,
      'status, attempts, sent_at, template_id, message_id, recipients, updated_at',
      `'sent', 1, now(), CASE WHEN n % 3 = 0 THEN 'subscription_expired' END, format('<%s.1@example.com>', n),
       jsonb_build_object(format('user%s@example%s.com', n, n % 50), '{"state": "accepted", "reply": "250 ok"}'::jsonb),
       fleet.utc_now() - CASE WHEN n <= ${count} THEN interval '91 days' + (${count} - n) * interval '40 seconds'
                              ELSE (${total} - n) * interval '7 seconds' END`,
    )
  await insert('1, 1000', 'priority', '1 + n % 10')
  await database.pool.query('VACUUM ANALYZE email_queue')
  await database.pool.query('CHECKPOINT')
}

async function besideClaims(act: () => Promise<{ moved: number }>) {
  const times: number[] = []
  const startedAt = performance.now()
  let acting = true
  const acted = act().finally(() => {
    acting = false
  })
  while (acting) times.push(await claimOnce())
  return [{ ...(await acted), seconds: (performance.now() - startedAt) / 1000 }, times] as const
}

async function claimOnce(): Promise<number> {
  const before = performance.now()
  const { rows } = await table.claim({ limit: 10 })
  const took = performance.now() - before
  await table.record(rows.map(giveBack))
  return took
}

function quantiles(times: readonly number[]) {
  return {
    claims: times.length,
    p50: ms(quantile(times, 0.5)),
    p99: ms(quantile(times, 0.99)),
    max: ms(Math.max(...times)),
  }
}

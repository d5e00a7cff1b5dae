/**
 * What the readings of `fleet status` take beside 1,000,000 mails that have ended, 100,000 of them in the last hour, and 100,000 that wait; and
 * beside as many notifications of which 100,000 failed in the last day, and 50,000 are held.
 *
 *   node bench/status.ts [readings]
 */
import process from 'node:process'
import { migrateUp } from '../src/db/migrator.ts'
import { connectDatabase } from '../src/db/pool.ts'
import { readFleetStatus } from '../src/ops/fleet-status.ts'
import { hasMajor, startCluster } from '../test/support/cluster.ts'
import { ms, quantile } from './support/quantiles.ts'

const readings = Number(process.argv[2] ?? 30)
for (const major of [13, 18] as const) {
  if (await hasMajor(major)) await measure(major)
}

async function measure(major: 13 | 18): Promise<void> {
  const cluster = await startCluster({ major, settings: { max_wal_size: '8GB' } })
  const database = connectDatabase({ url: cluster.adminUrl, applicationName: 'bench', max: 4, statementTimeoutMs: 0 })
  await migrateUp(database.db)
  await database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, status, error_class, updated_at)
    SELECT 'a' || n || '@example.org', 's', repeat('x', 500), CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'sent' END,
           CASE WHEN n % 20 = 0 THEN (ARRAY['mailbox_full', 'timeout'])[1 + n % 2] END,
           fleet.utc_now() - CASE WHEN n <= 100000 THEN n * interval '36 ms' ELSE n * interval '1 second' END
      FROM generate_series(1, 1000000) AS n;
    INSERT INTO email_queue (recipient_to, subject, body, priority, scheduled_at)
    SELECT 'b' || n || '@example.org', 's', repeat('x', 500), 1 + n % 10, CASE WHEN n % 2 = 0 THEN fleet.utc_now() + interval '1 day' END
      FROM generate_series(1, 100000) AS n;
    INSERT INTO fleet.outcome_counts (minute, queue, outcome, error_class, count)
    SELECT date_trunc('minute', now()) - n * interval '1 minute', 'email', o, CASE o WHEN 'sent' THEN '' ELSE o END, 1000
      FROM generate_series(0, 10000) AS n, unnest(ARRAY['sent', 'hard_failure', 'soft_failure']) AS o`)
  await database.pool.query(`
    INSERT INTO notifications (type, company_id, message, status, error_class, scheduled_at)
    SELECT (ARRAY['telegram', 'email', 'sms', 'system'])[1 + n % 4], 1, repeat('x', 200),
           CASE WHEN n <= 100000 THEN 'failed' WHEN n <= 150000 THEN 'held' WHEN n <= 250000 THEN 'pending' ELSE 'sent' END, 'bot_blocked',
           CASE WHEN n % 2 = 0 THEN fleet.utc_now() + interval '1 day' END
      FROM generate_series(1, 1000000) AS n`)
  await database.pool.query('VACUUM ANALYZE')
  const times: number[] = []
  for (let n = 0; n < readings; n += 1) {
    const before = performance.now()
    await readFleetStatus(database.db)
    times.push(performance.now() - before)
  }
  console.log(`PostgreSQL ${major}`)
  console.table({ 'all readings of a screen': { median: ms(quantile(times, 0.5)), slowest: ms(Math.max(...times)) } })
  await database.close()
  await cluster.remove()
}

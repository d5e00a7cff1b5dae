import { afterAll, beforeAll, expect, it } from 'vitest'
import { readFleetStatus } from '../../src/ops/fleet-status.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { mostPages, plansOf } from './plans.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

it('reads no more of a long history than its errors of the last day', async () => {
  await database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, status, updated_at)
    SELECT 'a@example.org', 's', repeat('x', 500), CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'sent' END, fleet.utc_now() - n * interval '1 minute'
      FROM generate_series(1, 30000) AS n;
    INSERT INTO notifications (type, message, status) SELECT 'system', repeat('x', 500), 'sent' FROM generate_series(1, 20000) AS n;
    INSERT INTO fleet.outcome_counts (minute, queue, outcome, error_class, count)
    SELECT date_trunc('minute', now()) - n * interval '1 minute', 'email', o, '', 10
      FROM generate_series(0, 10000) AS n, unnest(ARRAY['sent', 'hard_failure']) AS o`)
  await database.pool.query('VACUUM ANALYZE email_queue, notifications, fleet.outcome_counts')
  const plans = await plansOf(database.url, readFleetStatus, /email_queue|notifications|outcome_counts/)
  expect(plans.length).toBeGreaterThanOrEqual(6)
  for (const { text, pages } of plans) {
    expect(text).not.toMatch(/Seq Scan on (\w+\.)?(email_queue|notifications|outcome_counts)/)
    // The tables have some 2,400, 1,700 and 130.
    expect(pages, text).toBeLessThan(mostPages(text, 200))
  }
})

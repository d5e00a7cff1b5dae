import { afterAll, beforeAll, expect, it } from 'vitest'
import { listMails } from '../../src/ops/list-mails.ts'
import { readQueueStatuses } from '../../src/ops/queue-status.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertMail } from './mails.ts'
import { mostPages, plansOf } from './plans.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

it('counts what waits, what is in hand, and what ended in the last 24 hours', async () => {
  const { db, pool } = database
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
  const oldest = hoursAgo(2)
  await insertMail(db, { priority: 1, scheduled_at: oldest })
  await insertMail(db, { priority: 1 })
  await insertMail(db, { priority: 5, scheduled_at: hoursAgo(-1) })
  for (const status of ['sending', 'held', 'sent', 'failed', 'cancelled', 'expired', 'archived']) {
    await insertMail(db, { status, updated_at: hoursAgo(1) })
    await insertMail(db, { status, updated_at: hoursAgo(25) })
  }
  await pool.query(`
    INSERT INTO fleet.outcome_counts (minute, queue, outcome, count)
    VALUES (now() - interval '1 hour', 'email', 'sent', 3), (now() - interval '25 hours', 'email', 'sent', 4), (now(), 'sms', 'sent', 5)`)
  expect((await readQueueStatuses(db)).email).toEqual({
    due: 2,
    oldestDueAt: oldest,
    scheduled: 1,
    sending: 2,
    held: 2,
    last24Hours: { sent: 3, failed: 1, skipped: 0, cancelled: 1, expired: 1 },
    priorities: [
      { priority: 1, due: 2, scheduled: 0 },
      { priority: 5, due: 0, scheduled: 1 },
    ],
  })
  await pool.query('TRUNCATE email_queue')
  expect((await readQueueStatuses(db)).email).toMatchObject({ due: 0, oldestDueAt: null, priorities: [] })
})

it('costs next to nothing beside a long history, and so do the latest mails', async () => {
  const { pool, url } = database
  await pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, status, updated_at)
    SELECT 'a@example.org', 's', repeat('x', 500), CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'sent' END,
           fleet.utc_now() - n * interval '1 minute'
      FROM generate_series(1, 30000) n`)
  await pool.query('VACUUM ANALYZE email_queue')
  const plans = [
    ...(await plansOf(url, readQueueStatuses)),
    ...(await plansOf(url, (db) => listMails(db, {}, 20))),
    ...(await plansOf(url, (db) =>
      listMails(db, { statuses: ['failed'], since: new Date(Date.now() - 3_600_000) }, 20),
    )),
  ]
  expect(plans).toHaveLength(8)
  for (const { text, pages } of plans) {
    expect(text).not.toMatch(/Seq Scan on (public\.)?email_queue/)
    // The table alone has some 2,400.
    expect(pages, text).toBeLessThan(mostPages(text, 120))
  }
})

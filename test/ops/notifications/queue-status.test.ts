import { afterAll, beforeAll, expect, it } from 'vitest'
import { readChannelPauses } from '../../../src/ops/notifications/channel-pauses.ts'
import { readQueueStatuses } from '../../../src/ops/queue-status.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { mostPages, plansOf } from '../plans.ts'
import { insertDigest, insertNotice } from './notices.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)

it('counts by channel what waits, a digest once, what is in hand, and what ended in the last 24 hours', async () => {
  const { db, pool } = database
  const oldest = hoursAgo(2)
  await insertNotice(db, { scheduled_at: oldest })
  await insertDigest(db, 3)
  await insertNotice(db, { scheduled_at: hoursAgo(-1), priority: 'urgent' })
  await insertNotice(db, { type: 'sms', status: 'sending' })
  await insertNotice(db, { type: 'sms', status: 'held' })
  for (const status of ['sent', 'failed', 'skipped', 'cancelled', 'expired', 'archived']) {
    await insertNotice(db, { type: 'email', status, changed_at: hoursAgo(1) })
    await insertNotice(db, { type: 'email', status, changed_at: hoursAgo(25) })
  }
  await insertNotice(db, { type: 'pigeon' })
  const none = { sent: 0, failed: 0, skipped: 0, cancelled: 0, expired: 0 }
  const idle = { due: 0, oldestDueAt: null, scheduled: 0, sending: 0, held: 0, priorities: [], last24Hours: none }
  await pool.query(`
    INSERT INTO fleet.outcome_counts (minute, queue, outcome, count)
    VALUES (now(), 'notifications', 'sent', 3), (now(), 'email', 'sent', 5)`)
  expect(await readQueueStatuses(db)).toEqual({
    email: { ...idle, last24Hours: { ...none, sent: 5 } },
    notifications: { ...idle, last24Hours: { sent: 3, failed: 1, skipped: 1, cancelled: 1, expired: 1 } },
    telegram: {
      ...idle,
      due: 2,
      oldestDueAt: oldest,
      scheduled: 1,
      priorities: [
        { priority: 1, due: 0, scheduled: 1 },
        { priority: 5, due: 2, scheduled: 0 },
      ],
    },
    sms: { ...idle, sending: 1, held: 1 },
    system: { ...idle },
  })
  await pool.query(`
    UPDATE fleet.channels
       SET paused_until = now() + CASE name WHEN 'sms' THEN interval '1 hour' ELSE interval '-1 hour' END, reason = 'login refused'
     WHERE name IN ('sms', 'telegram')`)
  expect(await readChannelPauses(db)).toMatchObject({
    telegram: { pausedUntil: null, pauseReason: null },
    sms: { pausedUntil: expect.any(Date), pauseReason: 'login refused' },
  })
})

it('costs next to nothing beside a long history', async () => {
  await database.pool.query('TRUNCATE notifications')
  await database.pool.query(`
    INSERT INTO notifications (type, message, status) SELECT 'system', repeat('x', 500), 'sent' FROM generate_series(1, 20000) n`)
  await database.pool.query(`UPDATE notifications SET changed_at = changed_at - id * interval '10 minutes'`)
  await database.pool.query('VACUUM ANALYZE notifications')
  const plans = await plansOf(database.url, readQueueStatuses, /notifications/)
  expect(plans).toHaveLength(3)
  for (const { text, pages } of plans) {
    expect(text).not.toMatch(/Seq Scan on (public\.)?notifications/)
    // The table has some 1,700.
    expect(pages, text).toBeLessThan(mostPages(text, 250))
  }
})

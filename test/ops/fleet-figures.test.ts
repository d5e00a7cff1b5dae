import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAmbiguous, readInHand } from '../../src/ops/backlog.ts'
import { readFleetFigures } from '../../src/ops/fleet-figures.ts'
import { readSweepLateness } from '../../src/ops/sweep-lateness.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { mostPages, plansOf } from './plans.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

describe('the lateness of the sweep', () => {
  it('counts from the last one that was done, by its schedule', async () => {
    const { db, pool } = database
    expect(await readSweepLateness(db)).toBeNull()
    await pool.query(`
      SELECT pgboss.create_queue('lifecycle.sweep', '{"policy": "short"}');
      INSERT INTO pgboss.schedule (name, cron, timezone, created_on) VALUES ('lifecycle.sweep', '*/10 * * * *', 'UTC', now())`)
    expect(await readSweepLateness(db)).toBe(0)
    await pool.query(`INSERT INTO fleet.sweeps (started_at, ended_at, worker, kind, outcome) VALUES
      (now() - interval '1 hour', now() - interval '1 hour', 'test', 'sweep', 'done'),
      (now() - interval '1 minute', now() - interval '1 minute', 'test', 'sweep', 'blocked')`)
    const late = await readSweepLateness(db)
    expect(late).toBeGreaterThanOrEqual(50 * 60)
    expect(late).toBeLessThanOrEqual(60 * 60)
  })
})

describe('what is in hand', () => {
  it('is ambiguous where it was handed over under a lease that has run out, or is held for that', async () => {
    const { db, pool } = database
    await pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, status, claim_token, leased_until, error_class) VALUES
        ('a@example.org', 's', 'b', 'sending', 101, now() - interval '1 minute', NULL),
        ('b@example.org', 's', 'b', 'sending', 102, now() + interval '1 minute', NULL),
        ('c@example.org', 's', 'b', 'sending', 103, now() - interval '1 minute', NULL),
        ('d@example.org', 's', 'b', 'held', NULL, NULL, 'answer_lost'),
        ('e@example.org', 's', 'b', 'held', NULL, NULL, 'worker_died');
      INSERT INTO fleet.email_handovers (token) VALUES (101), (102)`)
    expect(await readInHand(db)).toEqual([{ queue: 'email', sending: 3, held: 2 }])
    expect(await readAmbiguous(db)).toEqual([{ queue: 'email', count: 2 }])
  })
})

it('the figures of the fleet cost next to nothing beside a long history', async () => {
  const { pool, url } = database
  await pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, status, updated_at)
    SELECT 'a@example.org', 's', repeat('x', 500), 'sent', fleet.utc_now() - n * interval '1 minute' FROM generate_series(1, 30000) n`)
  await pool.query('VACUUM ANALYZE email_queue')
  for (const { text, pages } of await plansOf(url, readFleetFigures)) {
    expect(text).not.toMatch(/Seq Scan on (public\.)?email_queue/)
    // The table has some 2,400.
    expect(pages, text).toBeLessThan(mostPages(text, 120))
  }
})

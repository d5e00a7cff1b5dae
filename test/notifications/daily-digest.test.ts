import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectDatabase, type Database } from '../../src/db/pool.ts'
import { writeDailyDigest } from '../../src/notifications/daily-digest.ts'
import { setClock } from '../maintenance/maintenance.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
/** As whoever runs it, with no more rights than that. */
let worker: Database
beforeAll(async () => {
  database = await createTestDatabase()
  worker = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-test', keepsPlans: true })
  await database.pool.query(`
    INSERT INTO companies (id, name, slug) SELECT n, 'Company ' || n, 'company-' || n FROM generate_series(1001, 1005) n`)
})
afterAll(async () => {
  await worker.close()
  await database.drop()
})
beforeEach(() => database.pool.query('TRUNCATE notifications, email_queue, fleet.notices RESTART IDENTITY'))

function write(given: { adminEmail?: string; adminChatId?: string } = { adminEmail: 'ops@example.com' }) {
  return writeDailyDigest(worker, {
    adminEmail: given.adminEmail,
    adminChatId: given.adminChatId,
    locale: 'en',
    timeZone: 'UTC',
    log: pino({ level: 'silent' }),
  })
}

/** A row that ends so at a time in UTC. */
async function fail(time: string, given: { type?: string; status?: string; company?: number; reason?: string } = {}) {
  const { type = 'telegram', status = 'failed', company = 1001, reason = 'blocked' } = given
  await setClock(database, time)
  const { rows } = await database.pool.query<{ id: number }>(
    'INSERT INTO notifications (type, company_id) VALUES ($1, $2) RETURNING id',
    [type, company],
  )
  await database.pool.query(`UPDATE notifications SET status = $2, error_class = 'x', last_error = $3 WHERE id = $1`, [
    rows[0]?.id,
    status,
    reason,
  ])
}

async function digests() {
  const { rows } = await database.pool.query(`
    SELECT type, recipient, status, prio, subject, message, dedup_key, group_id, company_id, event_data
      FROM notifications WHERE notification_type = 'daily_digest' ORDER BY id`)
  return rows
}

describe('the digest', () => {
  it('goes to the administrator by every channel that is configured', async () => {
    await fail('2026-11-24 12:00')
    await setClock(database, '2026-11-25 09:00')
    expect(await write({ adminEmail: 'ops@example.com', adminChatId: '-100' })).toBe(2)
    const common = { status: 'pending', prio: 7, group_id: null, company_id: null, subject: 'Notices not delivered: 1' }
    const facts = { locale: 'en', fallback: [], since: '2026-11-23T08:55:00.000Z', until: '2026-11-25T08:55:00.000Z' }
    expect(await digests()).toEqual([
      {
        ...common,
        type: 'email',
        recipient: 'ops@example.com',
        message: expect.stringContaining('<b>telegram, failed: 1</b> (x)\nblocked\nCompany 1001\n'),
        dedup_key: 'admin-digest:email:2026-11-25',
        event_data: { ...facts, to: 'ops@example.com' },
      },
      {
        ...common,
        type: 'telegram',
        recipient: '-100',
        message: expect.any(String),
        dedup_key: 'admin-digest:telegram:2026-11-25',
        event_data: { ...facts, chat_id: '-100' },
      },
    ])
  })

  it('is not written where there is nobody to tell', async () => {
    await fail('2026-11-24 12:00')
    await setClock(database, '2026-11-25 09:00')
    expect(await write({})).toBe(0)
    expect(await digests()).toEqual([])
  })

  it.each(['sent', 'cancelled', 'expired', 'pending'])('is not written where all there is is %s', async (status) => {
    await fail('2026-11-24 12:00', { status })
    await setClock(database, '2026-11-25 09:00')
    expect(await write()).toBe(0)
  })

  it('leaves out what had ended before the fleet came, and what has been mended', async () => {
    await fail('2026-11-24 12:00')
    await fail('2026-11-24 12:00')
    await database.pool.query('UPDATE notifications SET due_at = NULL WHERE id = 1')
    await database.pool.query(`UPDATE notifications SET status = 'sent' WHERE id = 2`)
    await setClock(database, '2026-11-25 09:00')
    expect(await write()).toBe(0)
  })

  it('counts by channel, outcome and reason, and says what got through another way', async () => {
    for (const company of [1001, 1002, 1003, 1004, 1005]) await fail('2026-11-24 12:00', { company })
    await fail('2026-11-24 12:00', { type: 'sms', status: 'skipped', reason: 'no settings' })
    await database.pool.query(`
      INSERT INTO notifications (type, fallback_of) VALUES ('email', 1); UPDATE notifications SET status = 'sent' WHERE id = 7`)
    await setClock(database, '2026-11-25 09:00')
    await write()
    const [{ message }] = await digests()
    expect(message).toContain(
      '<b>telegram, failed: 5</b> (x), got through another way: 1\nblocked\nCompany 1001, Company 1002, Company 1003 and more: 2\n',
    )
    expect(message).toContain('<b>sms, skipped: 1</b> (x)\nno settings\nCompany 1001\n')
  })

  it('counts mails that are of no notification, and the others with theirs', async () => {
    await fail('2026-11-24 12:00', { type: 'email', status: 'held', reason: 'no answer' })
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, notification_id) VALUES ('a@b.org', '', '', NULL), ('a@b.org', '', '', 1);
      UPDATE email_queue SET status = 'failed', error_class = 'mailbox_full', last_error = 'full'`)
    await setClock(database, '2026-11-25 09:00')
    await write()
    expect(await digests()).toMatchObject([
      {
        subject: 'Notices not delivered: 1, mails: 1',
        message: expect.stringMatching(
          /<b>email, failed: 1<\/b> \(mailbox_full\)\nfull\nCompany 1001\n.*<b>mails of no notice, failed: 1<\/b> \(mailbox_full\)\nfull\n/s,
        ),
      },
    ])
  })
})

describe('the ends that nobody was told of', () => {
  /** Decisions of the sweep at a time in UTC, of portraits, one for each company. */
  async function decide(time: string, given: { outcome?: string; stage?: string; companies?: number[] } = {}) {
    const { outcome = 'skipped', stage = '7d', companies = [1001] } = given
    await database.pool.query(
      `INSERT INTO fleet.notices (entity_type, entity_id, stage, subscription_end, company_id, decided_at, outcome, reason)
       SELECT 'portraits', (SELECT count(*) FROM fleet.notices) + n, $1, now(), company, $2::timestamp AT TIME ZONE 'UTC', $3,
              'nobody_to_tell'
         FROM unnest($4::int[]) WITH ORDINALITY AS c (company, n)`,
      [stage, time, outcome, companies],
    )
  }

  it('are counted by kind and stage, with three companies', async () => {
    await decide('2026-11-24 12:00', { companies: [1001, 1003, 1002, 1005, 1004, 1001] })
    await decide('2026-11-24 13:00', { stage: 'expired' })
    await setClock(database, '2026-11-25 09:00')
    expect(await write()).toBe(1)
    const [digest] = await digests()
    expect(digest).toMatchObject({ subject: 'Nobody to tell about ends: 7', recipient: 'ops@example.com' })
    expect(digest.message.split('\n\n').slice(1)).toEqual([
      '<b>Nobody to tell about the end: 6 portraits</b> (7d)\nCompany 1001, Company 1002, Company 1003 and more: 2',
      '<b>Nobody to tell about the end: 1 portrait</b> (expired)\nCompany 1001',
    ])
  })

  it.each(['sent', 'superseded', 'recorded', 'withdrawn'])('do not count those that are %s', async (outcome) => {
    await decide('2026-11-24 12:00', { outcome })
    await setClock(database, '2026-11-25 09:00')
    expect(await write()).toBe(0)
  })

  it('are told of once', async () => {
    await decide('2026-11-25 08:54:59')
    await decide('2026-11-25 08:55:00')
    await setClock(database, '2026-11-25 09:00')
    await write()
    await setClock(database, '2026-11-26 09:00')
    await write()
    await setClock(database, '2026-11-27 09:00')
    expect(await write()).toBe(0)
    expect((await digests()).map(({ subject }) => subject)).toEqual([
      'Nobody to tell about ends: 1',
      'Nobody to tell about ends: 1',
    ])
  })
})

describe('every row is told of once', () => {
  it('in the window that follows the last one, however long ago that was', async () => {
    const told: string[] = []
    const rows = ['24 12:00', '25 08:54:59', '25 08:55:00', '25 09:01', '26 08:30', '28 08:54:59', '28 08:55']
    for (const [n, time] of rows.entries()) await fail(`2026-11-${time}`, { reason: `row ${n}` })
    for (const day of [25, 26, 28, 29]) {
      await setClock(database, `2026-11-${day} 09:00`)
      await write()
      const { rows: digest } = await database.pool.query(`
        SELECT subject FROM notifications WHERE notification_type = 'daily_digest' ORDER BY id DESC LIMIT 1`)
      told.push(digest[0]?.subject)
    }
    expect(told).toEqual([2, 3, 1, 1].map((count) => `Notices not delivered: ${count}`))
  })

  it('also after a day without anything to tell', async () => {
    await setClock(database, '2026-11-25 09:00')
    expect(await write()).toBe(0)
    await fail('2026-11-25 08:55:20')
    await setClock(database, '2026-11-26 09:00:30')
    expect(await write()).toBe(1)
  })

  it('and a digest that fails is not told of in the next', async () => {
    await fail('2026-11-24 12:00')
    await setClock(database, '2026-11-25 09:00')
    await write()
    await database.pool.query(`UPDATE notifications SET status = 'failed' WHERE notification_type = 'daily_digest'`)
    await setClock(database, '2026-11-26 09:00')
    expect(await write()).toBe(0)
  })
})

it('the digest is written once a day, whoever asks for it, and how often', async () => {
  await fail('2026-11-24 12:00')
  await setClock(database, '2026-11-25 09:00')
  const both = { adminEmail: 'ops@example.com', adminChatId: '-100' }
  const written = await Promise.all([write(both), write(both), write(both)])
  expect(written.toSorted()).toEqual([0, 0, 2])
  await fail('2026-11-25 10:00')
  await setClock(database, '2026-11-25 20:00')
  expect(await write(both)).toBe(0)
  expect(await digests()).toHaveLength(2)
})

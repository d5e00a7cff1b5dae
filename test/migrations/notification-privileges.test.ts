import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { NotificationRows } from './notification-rows.ts'
import { asCompany, insertTwoCompanies } from './policies.ts'

let database: TestDatabase
let notices: NotificationRows
beforeAll(async () => {
  database = await createTestDatabase()
  notices = new NotificationRows(database)
  await insertTwoCompanies(database.pool)
  await database.pool.query(`
    UPDATE companies SET contact_email = id || '@x.example', telegram_chat_id = id::text, contact_phone = '+' || id;
    SELECT fleet.enable_row_security(false)`)
})
afterAll(() => database.drop())

describe('a worker, under row-level security', () => {
  let worker: pg.Client
  beforeAll(async () => {
    worker = new pg.Client(database.workerUrl)
    await worker.connect()
  })
  afterAll(() => worker.end())

  test('puts notices into the queue, takes them out, and sees the triggers at work', async () => {
    const { rows } = await worker.query(
      `INSERT INTO notifications (type, company_id) VALUES ('telegram', 2) RETURNING id, recipient`,
    )
    expect(rows).toEqual([{ id: expect.any(Number), recipient: '2' }])
    await worker.query(`UPDATE notifications SET status = 'failed' WHERE id = $1`, [rows[0].id])
    expect((await worker.query('DELETE FROM notifications WHERE id = $1', [rows[0].id])).rowCount).toBe(1)
  })

  test('makes a mail of a notice, and what becomes of one becomes of the other', async () => {
    const { id, mail } = await notices.mailed()
    await worker.query(`UPDATE email_queue SET status = 'sent' WHERE id = $1`, [mail])
    expect(await notices.statuses([id])).toEqual(['sent'])
    const second = await notices.mailed()
    await worker.query(`UPDATE notifications SET status = 'cancelled' WHERE id = $1`, [second.id])
    expect(await notices.mailStatus(second.mail)).toBe('cancelled')
  })

  test.each([
    `UPDATE companies SET telegram_chat_id = '99' WHERE id = 1`,
    `INSERT INTO fleet.notification_attempts (notification_id, attempt, token, outcome) VALUES (1, 1, 1, 'sent')`,
    `INSERT INTO fleet.notification_handovers (token) VALUES (7) ON CONFLICT DO NOTHING`,
    `DELETE FROM fleet.notification_handovers WHERE token = 7`,
    `UPDATE fleet.channels SET paused_until = now(), reason = 'x', strikes = strikes + 1, next_at = now() WHERE name = 'sms'`,
    `INSERT INTO fleet.telegram_chats (chat_id, recent) VALUES ('5', ARRAY[now()])
       ON CONFLICT (chat_id) DO UPDATE SET next_at = now(), unreachable_since = now()`,
    `INSERT INTO fleet.telegram_links (token_hash, company_id, expires_at) VALUES ('\\x01', 1, now())`,
    `UPDATE fleet.telegram_links SET used_at = now(), chat_id = '5'`,
    `DELETE FROM fleet.telegram_links`,
    `SELECT FROM fleet.channels FOR UPDATE`,
    `SELECT fleet.unread_notifications(1)`,
  ])('may %s', async (statement) => {
    await worker.query(statement)
  })

  test.each([
    `UPDATE companies SET contact_email = 'x'`,
    `INSERT INTO fleet.channels (name) VALUES ('push')`,
    `DELETE FROM fleet.telegram_chats`,
    `UPDATE fleet.telegram_links SET company_id = 2`,
    `UPDATE fleet.notification_attempts SET outcome = 'sent'`,
    `SELECT fleet.notification_recipient('email', '{}', 1)`,
  ])('may not %s', async (statement) => {
    await expect(worker.query(statement)).rejects.toMatchObject({ code: '42501' })
  })
})

describe('a company', () => {
  test('puts its own notices into the queue with plain columns, and they go to its own contact', async () => {
    const read = await asCompany(database, '1', ({ rows }) =>
      rows(`
        INSERT INTO notifications (company_id, type, subject, message, dedup_key) VALUES (1, 'email', 's', 'm', 'k')
        ON CONFLICT (dedup_key) DO NOTHING RETURNING status, recipient`),
    )
    expect(read).toEqual([{ status: 'pending', recipient: '1@x.example' }])
  })

  test.each([
    [`INSERT INTO notifications (company_id, type) VALUES (2, 'email') RETURNING recipient`],
    [`UPDATE notifications SET company_id = 2 WHERE company_id = 1 RETURNING recipient`],
    [`SELECT fleet.notification_recipient('email', '{}', 2)`],
  ])("learns nothing of another's contact: %s", async (statement) => {
    await asCompany(database, '1', async ({ rows }) => {
      const error = await rows(statement).catch((refused: unknown) => refused)
      expect(error).toMatchObject({ code: '42501' })
      expect(JSON.stringify(error)).not.toContain('2@x.example')
    })
  })

  test('cannot put the functions of the triggers on a table of its own', async () => {
    await asCompany(database, '1', async ({ rows }) => {
      await rows(`
        CREATE TEMPORARY TABLE mine (LIKE notifications);
        SAVEPOINT before`)
      for (const name of [
        'stamp_notification',
        'restamp_notification',
        'follow_mail',
        'follow_digest',
        'cancel_mail',
        'leave_mail',
      ]) {
        await expect(
          rows(`CREATE TRIGGER t BEFORE INSERT OR UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION fleet.${name}()`),
          name,
        ).rejects.toMatchObject({ code: '42501' })
        await rows('ROLLBACK TO before')
      }
    })
  })

  test('counts only what it has not read itself', async () => {
    await database.pool.query(`UPDATE notifications SET status = 'sent' WHERE type = 'system'`)
    const counts = await asCompany(database, '1', ({ rows }) =>
      rows('SELECT fleet.unread_notifications(1)::int AS own, fleet.unread_notifications(2)::int AS others'),
    )
    expect(counts).toEqual([{ own: 1, others: 0 }])
  })

  test('changes its contact, and its waiting notices follow', async () => {
    const recipients = await asCompany(database, '1', async ({ rows }) => {
      await rows(`INSERT INTO notifications (company_id, type) VALUES (1, 'sms')`)
      await rows(`UPDATE companies SET contact_phone = '+11'`)
      return rows(`SELECT recipient FROM notifications WHERE type = 'sms'`)
    })
    expect(recipients).toEqual([{ recipient: '+11' }])
  })

  test('cancels its notice, and the mail of that, which it cannot read', async () => {
    const { id, mail } = await notices.mailed()
    await notices.put(id, 'company_id = 1')
    const status = await asCompany(database, '1', async ({ rows, write }) => {
      expect(await write(`UPDATE notifications SET status = 'cancelled' WHERE id = ${id}`)).toBe(1)
      return rows(`SELECT status FROM email_queue WHERE id = ${mail}`)
    })
    expect(status).toEqual([{ status: 'cancelled' }])
  })
})

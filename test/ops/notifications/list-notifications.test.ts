import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listNotifications } from '../../../src/ops/notifications/list-notifications.ts'
import { readRecipientPattern } from '../../../src/ops/notifications/recipient-pattern.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { plansOf } from '../plans.ts'
import { insertDigest, insertNotice } from './notices.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE notifications RESTART IDENTITY'))

const at = (minute: number) => new Date(Date.UTC(2026, 10, 20, 10, minute))
const idsOf = async (...[filter, limit = 10]: [filter: Parameters<typeof listNotifications>[1], limit?: number]) =>
  (await listNotifications(database.db, filter, limit)).map(({ id }) => id)

it('shows the latest change first, across the statuses, and the newer of two that changed at once', async () => {
  const sent = await insertNotice(database.db, { status: 'sent', changed_at: at(2) })
  const failed = await insertNotice(database.db, { status: 'failed', changed_at: at(3) })
  const sentAtOnce = await insertNotice(database.db, { status: 'sent', changed_at: at(2) })
  const pending = await insertNotice(database.db)
  const sending = await insertNotice(database.db, { status: 'sending', changed_at: at(1) })
  const foreign = await insertNotice(database.db, { status: 'archived', changed_at: at(0) })
  expect(await idsOf({})).toEqual([pending, failed, sentAtOnce, sent, sending, foreign])
  expect(await idsOf({}, 2)).toEqual([pending, failed])
})

it('shows every row of a digest, whatever its status', async () => {
  const waiting = await insertDigest(database.db, 3, { changed_at: at(3) })
  const sending = await insertDigest(database.db, 2, { status: 'sending', changed_at: at(2) })
  const sent = await insertDigest(database.db, 2, { status: 'sent', changed_at: at(1) })
  const latestFirst = (ids: number[]) => ids.toReversed()
  expect(await idsOf({})).toEqual([waiting, sending, sent].flatMap(latestFirst))
})

it('finds by channel, company, type, group, window, priority and error, all of which must hold', async () => {
  const { rows } = await database.pool.query('SELECT id FROM companies')
  const companyId: number = rows[0].id
  const wanted = {
    ...{ type: 'sms', company_id: companyId, notification_type: 'expired', group_id: 'g', priority: 'Urgent' },
    ...{ status: 'failed', error_class: 'timeout', last_error: 'No 100% answer', changed_at: at(5) },
  }
  const id = await insertNotice(database.db, wanted)
  for (const other of [
    { type: 'email' },
    { company_id: null },
    { notification_type: 'expiry_warning' },
    { group_id: null },
    { priority: 'high' },
    { status: 'held' },
    { error_class: 'refused' },
    { last_error: 'No 1000 answers' },
    { changed_at: at(4) },
    { changed_at: at(6) },
  ]) {
    await insertNotice(database.db, { ...wanted, ...other })
  }
  const filter = {
    ...{ channels: ['sms', 'telegram'] as const, companyId, type: 'expired', group: 'g', priorities: [1] },
    ...{ statuses: ['failed'] as const, errorClass: 'timeout', errorText: '100% A', since: at(5), until: at(6) },
  }
  expect(await idsOf(filter)).toEqual([id])
})

describe('--to', () => {
  it.each([
    ['ann@example.org', 'email', { to: 'Ann <ANN@example.org>, bob@example.org' }, true],
    ['@example.org', 'email', { to: 'bob@example.org' }, true],
    ['ann@example.org', 'email', { to: 'joann@example.org' }, false],
    ['-100123', 'telegram', { chat_id: -100123 }, true],
    ['100123', 'telegram', { chat_id: -100123 }, false],
    ['@vertex_news', 'telegram', { chat_id: '@Vertex_News' }, true],
    ['+7 (912) 345-67-89', 'sms', { phone: '+79123456789' }, true],
    ['+79123456789', 'sms', { phone: '+7 912 345-67-89' }, true],
    ['79123456789', 'sms', { phone: '+79123456789' }, true],
    ['+79123456789', 'sms', { phone: '8 (912) 345-67-89' }, true],
    ['+49301234567', 'sms', { phone: '+49 30 1234568' }, false],
  ])('%s: %s %j is meant: %s', async (to, type, data, isMeant) => {
    const id = await insertNotice(database.db, { type, event_data: JSON.stringify(data) })
    const pattern = readRecipientPattern(to)
    if ('reason' in pattern) throw new Error(pattern.reason)
    expect(await idsOf({ to: pattern.value })).toEqual(isMeant ? [id] : [])
  })

  it('takes the contact of the company', async () => {
    const { rows } = await database.pool.query(
      `UPDATE companies SET contact_email = 'museum@example.org', contact_phone = '8 (495) 123-45-67' RETURNING id`,
    )
    const notice = { company_id: rows[0].id, event_data: '{}' }
    const mailed = await insertNotice(database.db, { ...notice, type: 'email' })
    const texted = await insertNotice(database.db, { ...notice, type: 'sms' })
    for (const [to, id] of [['museum@example.org', mailed] as const, ['+7 495 123-45-67', texted] as const]) {
      const pattern = readRecipientPattern(to)
      if ('reason' in pattern) throw new Error(pattern.reason)
      expect(await idsOf({ to: pattern.value })).toEqual([id])
    }
  })

  it.each(['', 'nobody', 'a b', '@', 'ann@'])('%j is nobody', (to) => {
    expect(readRecipientPattern(to)).toMatchObject({ reason: expect.any(String) })
  })
})

it('costs next to nothing beside a long history', async () => {
  await database.pool.query(`
    INSERT INTO notifications (type, message, status)
    SELECT 'system', repeat('x', 500), CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'sent' END FROM generate_series(1, 20000) n`)
  await database.pool.query(`UPDATE notifications SET changed_at = changed_at - id * interval '1 minute'`)
  await insertDigest(database.db, 3, { status: 'sending' })
  await database.pool.query('VACUUM ANALYZE notifications')
  const plans = await plansOf(
    database.url,
    async (db) => {
      await listNotifications(db, {}, 20)
      await listNotifications(db, { statuses: ['failed'], since: new Date(Date.now() - 3_600_000) }, 20)
      await listNotifications(db, { ids: [1, 2] }, 20)
    },
    /notifications/,
  )
  expect(plans.length).toBeGreaterThanOrEqual(4)
  for (const { text, pages } of plans) {
    expect(text).not.toMatch(/Seq Scan on (public\.)?notifications/)
    expect(pages, text).toBeLessThan(200)
  }
})

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { heard, NotificationRows } from './notification-rows.ts'

let database: TestDatabase
let rows: NotificationRows
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new NotificationRows(database)
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE companies, notifications, email_queue RESTART IDENTITY CASCADE'))

const during = (act: () => Promise<unknown>) => heard(database, 'fleet_system', act)

async function unread(company: number): Promise<number> {
  const { rows: counts } = await database.pool.query('SELECT fleet.unread_notifications($1)::int AS count', [company])
  return counts[0]?.count
}

test('a web page hears whose notice was delivered, and whose was read', async () => {
  const company = await rows.company()
  const id = await rows.insert({ type: 'system', company_id: company })
  expect(await during(() => rows.put(id, `status = 'sending'`))).toEqual([])
  expect(await during(() => rows.put(id, `status = 'sent'`))).toEqual([`${company}`])
  expect(await during(() => rows.put(id, `subject = 'x'`))).toEqual([])
  expect(await during(() => rows.put(id, 'read_at = now()'))).toEqual([`${company}`])
  expect(await during(() => rows.put(id, 'read_at = NULL'))).toEqual([`${company}`])
})

test('a web page hears of notices that are for no company, or come as sent', async () => {
  const company = await rows.company()
  expect(await during(() => rows.insert({ type: 'system', company_id: company, status: 'sent' }))).toEqual([
    `${company}`,
  ])
  const id = await rows.insert({ type: 'system' })
  expect(await during(() => rows.put(id, `status = 'sent'`))).toEqual([''])
})

test('a web page hears once a transaction when all is read at once, and nothing of other channels', async () => {
  const company = await rows.company()
  await database.pool.query(
    `
    INSERT INTO notifications (type, company_id, status) SELECT 'system', $1, 'sent' FROM generate_series(1, 300)`,
    [company],
  )
  expect(await during(() => database.pool.query('UPDATE notifications SET read_at = now()'))).toEqual([`${company}`])
  const id = await rows.insert({ type: 'email', company_id: company })
  expect(await during(() => rows.put(id, `status = 'sent', read_at = now()`))).toEqual([])
})

test('no web page hears anything while notices are switched off', async () => {
  const act = async () => {
    const client = await database.pool.connect()
    await client.query('BEGIN; SET LOCAL fleet.notify = off')
    await client.query(`INSERT INTO notifications (type, status) VALUES ('system', 'sent')`)
    await client.query(`UPDATE notifications SET read_at = now()`)
    await client.query('COMMIT')
    client.release()
  }
  expect(await during(act)).toEqual([])
})

test('what a company has not read is counted: delivered in the application, and for it alone', async () => {
  const company = await rows.company()
  const other = await rows.company({ name: 'b', slug: 'b' })
  const [first] = [
    await rows.insert({ type: 'system', company_id: company, status: 'sent' }),
    await rows.insert({ type: 'system', company_id: company, status: 'sent' }),
    await rows.insert({ type: 'system', company_id: company }),
    await rows.insert({ type: 'email', company_id: company, status: 'sent' }),
    await rows.insert({ type: 'system', company_id: other, status: 'sent' }),
    await rows.insert({ type: 'system', status: 'sent' }),
  ]
  expect([await unread(company), await unread(other), await unread(99)]).toEqual([2, 1, 0])
  await rows.put(first ?? 0, 'read_at = now()')
  expect(await unread(company)).toBe(1)
})

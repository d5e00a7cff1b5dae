import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { listMails } from '../../src/ops/list-mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertMail } from './mails.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE email_queue RESTART IDENTITY'))

const at = (minute: number) => new Date(Date.UTC(2026, 10, 20, 10, minute))

it('shows the latest change first, across the statuses', async () => {
  const sent = await insertMail(database.db, { status: 'sent', updated_at: at(2) })
  const failed = await insertMail(database.db, { status: 'failed', updated_at: at(3) })
  const alsoSent = await insertMail(database.db, { status: 'sent', updated_at: at(1) })
  const pending = await insertMail(database.db)
  const mails = await listMails(database.db, {}, 10)
  expect(mails.map(({ id }) => id)).toEqual([pending, failed, sent, alsoSent])
  expect((await listMails(database.db, {}, 2)).map(({ id }) => id)).toEqual([pending, failed])
})

it('puts the newer of two that changed at once first', async () => {
  const first = await insertMail(database.db, { status: 'sent', updated_at: at(1) })
  const second = await insertMail(database.db, { status: 'sent', updated_at: at(1) })
  expect((await listMails(database.db, {}, 10)).map(({ id }) => id)).toEqual([second, first])
})

it('shows statuses that other programs have made up', async () => {
  await insertMail(database.db, { status: 'archived', updated_at: at(1) })
  await insertMail(database.db, { status: 'zombie', updated_at: at(2) })
  expect((await listMails(database.db, {}, 10)).map(({ status }) => status)).toEqual(['zombie', 'archived'])
})

it('tells what the workers go by where the platform left a column empty', async () => {
  await insertMail(database.db, { priority: null, max_attempts: null, attempts: null, status: null })
  expect(await listMails(database.db, {}, 1)).toMatchObject([
    { status: 'pending', priority: 5, attempts: 0, maxAttempts: 3, dueAt: expect.any(Date) },
  ])
})

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listMails } from '../../src/ops/list-mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { archiveEnded, insertArchived, insertMail } from './mails.ts'
import { plansOf } from './plans.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_archive RESTART IDENTITY'))

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

describe('the archive', () => {
  it('is listed among the rest by the time of the last change', async () => {
    const older = await insertArchived(database.db, { updated_at: at(1) })
    const newer = await insertArchived(database.db, { updated_at: at(3) })
    const queued = await insertMail(database.db, { status: 'failed', updated_at: at(2) })
    const mails = await listMails(database.db, {}, 10)
    expect(mails.map(({ id, archivedAt }) => [id, archivedAt instanceof Date])).toEqual([
      [newer, true],
      [queued, false],
      [older, true],
    ])
    expect((await listMails(database.db, {}, 2)).map(({ id }) => id)).toEqual([newer, queued])
  })

  it('is looked through for what is named by its id', async () => {
    const archived = await insertArchived(database.db, { updated_at: at(1) })
    const queued = await insertMail(database.db, { status: 'failed', updated_at: at(2) })
    expect((await listMails(database.db, { ids: [archived, queued, 99] }, 10)).map(({ id }) => id)).toEqual([
      queued,
      archived,
    ])
  })

  it('is left alone where the queue has every mail that is named, or the statuses are none that mail ends in', async () => {
    const id = await insertMail(database.db, { status: 'failed', updated_at: at(2) })
    const plans = await plansOf(database.url, async (db) => {
      await listMails(db, { ids: [id] }, 10)
      await listMails(db, { statuses: ['held', 'pending'] }, 10)
    })
    expect(plans).toHaveLength(3)
    for (const { text } of plans) expect(text).not.toContain('email_archive')
  })

  it('shows a mail once that is moved there while it is listed', async () => {
    const id = await insertMail(database.db, { status: 'failed', updated_at: at(1) })
    const lists = Promise.all(Array.from({ length: 20 }, () => listMails(database.db, {}, 10)))
    await archiveEnded(database.db)
    for (const mails of await lists) expect(mails.map((mail) => mail.id)).toEqual([id])
  })
})

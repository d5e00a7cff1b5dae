import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { emailStatuses, replayableStatuses } from '../../../src/ops/email-status.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { insertMail, statusOf } from '../mails.ts'
import { preview, replayAll } from './replaying.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query(`
    TRUNCATE email_queue, fleet.email_attempts, fleet.replays, fleet.replay_items, audit_log RESTART IDENTITY`),
)

const anHourAgo = new Date(Date.now() - 3_600_000)

describe('replay', () => {
  it('puts back what is failed, held, cancelled or expired, and nothing else', async () => {
    for (const status of emailStatuses) await insertMail(database.db, { status, template_id: 't' })
    expect(await replayAll(database.db, { filter: { templateId: 't' } })).toEqual({
      count: 4,
      byStatus: { failed: 1, held: 1, cancelled: 1, expired: 1 },
      archived: 0,
      skipped: [],
    })
    const statuses = await database.db.selectFrom('email_queue').select('status').orderBy('id').execute()
    expect(statuses.map(({ status }) => status)).toEqual(
      emailStatuses.map((status) => (replayableStatuses.some((word) => word === status) ? 'pending' : status)),
    )
  })

  it('starts afresh, and keeps those who have the mail already', async () => {
    const recipients = JSON.stringify({
      'a@example.org': { state: 'accepted', reply: '250 ok' },
      'b@example.org': { state: 'refused', reply: '550 unknown' },
    })
    const id = await insertMail(database.db, { status: 'failed', attempts: 3, recipients })
    await replayAll(database.db, { filter: { ids: [id] } })
    const row = await database.db.selectFrom('email_queue').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      status: 'pending',
      attempts: 0,
      recipients: { 'a@example.org': { state: 'accepted', reply: '250 ok' } },
    })
  })

  it('leaves what would expire at once, and says so', async () => {
    const expired = await insertMail(database.db, { status: 'expired', not_after: anHourAgo })
    const failed = await insertMail(database.db, { status: 'failed', not_after: anHourAgo })
    const later = await insertMail(database.db, { status: 'expired', not_after: new Date(Date.now() + 3_600_000) })
    const expectation = { count: 1, skipped: [{ reason: 'would_expire', count: 2, ids: [expired, failed] }] }
    expect(await preview(database.db, { filter: {} })).toMatchObject(expectation)
    expect(await replayAll(database.db, { filter: {} })).toMatchObject(expectation)
    expect(await statusOf(database.db, expired)).toBe('expired')
    expect(await statusOf(database.db, later)).toBe('pending')
  })

  it('leaves what was cancelled while a worker still has it in hand', async () => {
    const id = await insertMail(database.db, { status: 'cancelled', leased_until: new Date(Date.now() + 60_000) })
    await insertMail(database.db, { status: 'cancelled', leased_until: anHourAgo })
    expect(await replayAll(database.db, { filter: {} })).toMatchObject({
      count: 1,
      skipped: [{ reason: 'being_sent', count: 1, ids: [id] }],
    })
  })

  it('takes the most urgent and oldest first up to the limit', async () => {
    const [low, high, highLater] = await Promise.all([
      insertMail(database.db, { status: 'failed', priority: 9 }),
      insertMail(database.db, { status: 'failed', priority: 2 }),
      insertMail(database.db, { status: 'failed', priority: 2 }),
    ])
    const urgent = [high, highLater].sort((a, b) => a - b)
    const seen = await preview(database.db, { filter: {}, limit: 2 })
    expect(seen.examples.map(({ id }) => id)).toEqual(urgent)
    expect(await replayAll(database.db, { filter: {}, limit: 2 })).toEqual({
      count: 2,
      byStatus: { failed: 2 },
      archived: 0,
      skipped: [{ reason: 'over_limit', count: 1, ids: [] }],
    })
    expect(await statusOf(database.db, low)).toBe('failed')
  })

  it('never waits for a row that another session has locked', async () => {
    const locked = await insertMail(database.db, { status: 'failed' })
    await insertMail(database.db, { status: 'failed' })
    const client = await database.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT FROM email_queue WHERE id = $1 FOR UPDATE', [locked])
      expect(await replayAll(database.db, { filter: {} })).toEqual({
        count: 1,
        byStatus: { failed: 1 },
        archived: 0,
        skipped: [{ reason: 'locked', count: 1, ids: [locked] }],
      })
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })

  it('says of each mail named by its id why nothing happens to it', async () => {
    const sent = await insertMail(database.db, { status: 'sent' })
    const failed = await insertMail(database.db, { status: 'failed', error_class: 'timeout' })
    const other = await insertMail(database.db, { status: 'failed', error_class: 'too_large' })
    const held = await insertMail(database.db, { status: 'held', error_class: 'timeout' })
    const filter = { ids: [sent, failed, other, held, 99], statuses: ['failed'] as const, errorClass: 'timeout' }
    const skipped = [
      { reason: 'filter', count: 2, ids: [other, held] },
      { reason: 'status', status: 'sent', count: 1, ids: [sent] },
      { reason: 'unknown', count: 1, ids: [99] },
    ]
    expect(await preview(database.db, { filter })).toMatchObject({ count: 1, skipped })
    expect(await replayAll(database.db, { filter })).toMatchObject({ count: 1, skipped })
  })

  it('does nothing the second time', async () => {
    await insertMail(database.db, { status: 'failed' })
    await replayAll(database.db, { filter: {} })
    expect(await replayAll(database.db, { filter: {} })).toEqual({
      count: 0,
      byStatus: {},
      archived: 0,
      skipped: [],
    })
  })

  it('changes each mail once when two operators replay at once', async () => {
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, status)
      SELECT 'a@example.org', 's', 'b', 'failed' FROM generate_series(1, 500)`)
    const reports = await Promise.all([replayAll(database.db, { filter: {} }), replayAll(database.db, { filter: {} })])
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(500)
  })
})

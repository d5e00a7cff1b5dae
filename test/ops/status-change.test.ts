import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cancel } from '../../src/ops/cancel-mails.ts'
import { cancellableStatuses, emailStatuses, replayableStatuses } from '../../src/ops/email-status.ts'
import type { MailFilter } from '../../src/ops/mail-filter.ts'
import { release } from '../../src/ops/release-mails.ts'
import { replay } from '../../src/ops/replay-mails.ts'
import { applyChange, type ChangeRequest, previewChange, type StatusChange } from '../../src/ops/status-change.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertArchived, insertAttempt, insertMail, statusOf } from './mails.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_attempts, audit_log RESTART IDENTITY'))

const apply = (change: StatusChange<MailFilter>, request: ChangeRequest<MailFilter>) =>
  applyChange(database.db, change, { ...request, actor: 'ann@console' })
const preview = (change: StatusChange<MailFilter>, request: ChangeRequest<MailFilter>) =>
  previewChange(database.db, change, request)
const audit = () => database.db.selectFrom('audit_log').selectAll().execute()
const anHourAgo = new Date(Date.now() - 3_600_000)

describe('replay', () => {
  it('puts back what is failed, held, cancelled or expired, and nothing else', async () => {
    for (const status of emailStatuses) await insertMail(database.db, { status, template_id: 't' })
    expect(await apply(replay, { filter: { templateId: 't' } })).toEqual({
      count: 4,
      byStatus: { failed: 1, held: 1, cancelled: 1, expired: 1 },
      archived: 0,
      ambiguous: 0,
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
    await apply(replay, { filter: { ids: [id] } })
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
    expect(await preview(replay, { filter: {} })).toMatchObject(expectation)
    expect(await apply(replay, { filter: {} })).toMatchObject(expectation)
    expect(await statusOf(database.db, expired)).toBe('expired')
    expect(await statusOf(database.db, later)).toBe('pending')
  })

  it('leaves what was cancelled while a worker still has it in hand', async () => {
    const id = await insertMail(database.db, { status: 'cancelled', leased_until: new Date(Date.now() + 60_000) })
    await insertMail(database.db, { status: 'cancelled', leased_until: anHourAgo })
    expect(await apply(replay, { filter: {} })).toMatchObject({
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
    const seen = await preview(replay, { filter: {}, limit: 2 })
    expect(seen.examples.map(({ id }) => id)).toEqual(urgent)
    expect(await apply(replay, { filter: {}, limit: 2 })).toEqual({
      count: 2,
      byStatus: { failed: 2 },
      archived: 0,
      ambiguous: 0,
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
      expect(await apply(replay, { filter: {} })).toEqual({
        count: 1,
        byStatus: { failed: 1 },
        archived: 0,
        ambiguous: 0,
        skipped: [{ reason: 'locked', count: 1, ids: [] }],
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
    expect(await preview(replay, { filter })).toMatchObject({ count: 1, skipped })
    expect(await apply(replay, { filter })).toMatchObject({ count: 1, skipped })
  })

  it('does nothing the second time', async () => {
    await insertMail(database.db, { status: 'failed' })
    await apply(replay, { filter: {} })
    expect(await apply(replay, { filter: {} })).toEqual({
      count: 0,
      byStatus: {},
      archived: 0,
      ambiguous: 0,
      skipped: [],
    })
  })

  it('changes each mail once when two operators replay at once', async () => {
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, status)
      SELECT 'a@example.org', 's', 'b', 'failed' FROM generate_series(1, 500)`)
    const reports = await Promise.all([apply(replay, { filter: {} }), apply(replay, { filter: {} })])
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(500)
  })
})

describe('release', () => {
  it('puts back what is held, and nothing else', async () => {
    for (const status of emailStatuses) await insertMail(database.db, { status, attempts: 2, rescues: 3 })
    const { byStatus, skipped } = await apply(release, { filter: {} })
    expect(byStatus).toEqual({ held: 1 })
    expect(skipped).toEqual([])
    const { rows } = await database.pool.query(
      `SELECT attempts, rescues FROM email_queue WHERE status = 'pending' ORDER BY id`,
    )
    expect(rows).toEqual([
      { attempts: 2, rescues: 3 },
      { attempts: 0, rescues: 0 },
    ])
    expect(await apply(release, { filter: {} })).toMatchObject({ count: 0 })
  })

  it('keeps those who have the mail already from getting it again', async () => {
    const accepted = { 'a@example.org': { state: 'accepted', reply: '250 ok' } }
    const lost = { 'b@example.org': { state: 'deferred', reply: 'no answer', error_class: 'answer_lost' } }
    const id = await insertMail(database.db, { status: 'held', recipients: JSON.stringify({ ...accepted, ...lost }) })
    await apply(release, { filter: { ids: [id] } })
    const row = await database.db.selectFrom('email_queue').select('recipients').executeTakeFirst()
    expect(row).toEqual({ recipients: accepted })
  })

  it('leaves what would expire at once, and what another session has locked', async () => {
    const late = await insertMail(database.db, { status: 'held', not_after: anHourAgo })
    const locked = await insertMail(database.db, { status: 'held' })
    const client = await database.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT FROM email_queue WHERE id = $1 FOR UPDATE', [locked])
      expect(await apply(release, { filter: {} })).toMatchObject({
        count: 0,
        skipped: [
          { reason: 'would_expire', count: 1, ids: [late] },
          { reason: 'locked', count: 1, ids: [] },
        ],
      })
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })
})

describe('what may have arrived', () => {
  it('is told apart: a lost answer, or a worker that died when it had handed the mail over', async () => {
    const lost = await insertMail(database.db, { status: 'held', error_class: 'answer_lost' })
    const died = await insertMail(database.db, { status: 'held', error_class: 'worker_died' })
    await insertAttempt(database.db, { email_id: died, outcome: 'ambiguous' })
    await insertAttempt(database.db, { email_id: died, outcome: 'ambiguous' })
    const untouched = await insertMail(database.db, { status: 'held', error_class: 'worker_died' })
    await insertAttempt(database.db, { email_id: untouched, outcome: 'outage' })
    const adopted = await insertMail(database.db, { status: 'held', error_class: 'adopted' })
    await insertMail(database.db, { status: 'held' })
    const certain = { filter: { ids: [untouched, adopted] } }
    expect(await preview(release, certain)).toMatchObject({ count: 2, ambiguous: 0 })
    expect(await preview(release, { filter: {}, limit: 1 })).toMatchObject({ count: 1, ambiguous: 1 })
    expect(await preview(release, { filter: {} })).toMatchObject({ count: 5, ambiguous: 2 })
    expect(await apply(release, { filter: { ids: [lost, died] } })).toMatchObject({ count: 2, ambiguous: 2 })
    expect(await audit()).toMatchObject([{ action: 'release', changes: { count: 2, ambiguous: 2 } }])
  })

  it('is counted of a replay, too, and of archived mail', async () => {
    await insertArchived(database.db, { error_class: 'answer_lost' })
    await insertMail(database.db, { status: 'failed', error_class: 'answer_lost' })
    await insertMail(database.db, { status: 'failed', error_class: 'timeout' })
    expect(await preview(replay, { filter: {} })).toMatchObject({ count: 3, archived: 1, ambiguous: 2 })
    expect(await apply(replay, { filter: {} })).toMatchObject({ count: 3, archived: 1, ambiguous: 2 })
  })
})

describe('cancel', () => {
  it('takes out what is pending, being sent or held, and nothing else', async () => {
    for (const status of emailStatuses) await insertMail(database.db, { status })
    const { byStatus, skipped } = await apply(cancel, { filter: {} })
    expect(byStatus).toEqual({ pending: 1, sending: 1, held: 1 })
    expect(skipped).toEqual([])
    const { rows } = await database.pool.query(`SELECT status FROM email_queue WHERE status = ANY($1)`, [
      cancellableStatuses,
    ])
    expect(rows).toEqual([])
  })
})

describe('the preview', () => {
  it('changes nothing, and answers what a change would', async () => {
    const ids = await Promise.all(Array.from({ length: 7 }, () => insertMail(database.db, { status: 'failed' })))
    const { examples, ...seen } = await preview(replay, { filter: {} })
    expect(examples).toHaveLength(5)
    expect(examples[0]).toEqual({ id: Math.min(...ids), to: 'ann@example.org', subject: 'Hello' })
    expect(await statusOf(database.db, ids[0] ?? 0)).toBe('failed')
    expect(await audit()).toEqual([])
    expect(await apply(replay, { filter: {} })).toEqual(seen)
  })
})

describe('the audit log', () => {
  it('says who changed what, and which one if it was one', async () => {
    const id = await insertMail(database.db, { status: 'failed', error_class: 'timeout' })
    const filter = { errorClass: 'timeout', since: new Date('2026-01-01T00:00:00Z') }
    await apply(replay, { filter, limit: 3 })
    expect(await audit()).toMatchObject([
      {
        action: 'replay',
        entity_type: 'email_queue',
        entity_id: id,
        actor_email: 'ann@console',
        changes: {
          filter: { errorClass: 'timeout', since: '2026-01-01T00:00:00.000Z', limit: 3 },
          count: 1,
          byStatus: { failed: 1 },
        },
      },
    ])
  })

  it('names no row where there were several', async () => {
    for (let index = 0; index < 2; index += 1) await insertMail(database.db, { status: 'pending' })
    await apply(cancel, { filter: { ids: [1, 2] } })
    expect(await audit()).toMatchObject([
      { action: 'cancel', entity_id: 0, changes: { filter: { ids: [1, 2] }, count: 2 } },
    ])
  })
})

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cancel } from '../../src/ops/cancel-mails.ts'
import { cancellableStatuses, emailStatuses } from '../../src/ops/email-status.ts'
import type { MailFilter } from '../../src/ops/mail-filter.ts'
import { release } from '../../src/ops/release-mails.ts'
import { applyChange, type ChangeRequest, previewChange, type StatusChange } from '../../src/ops/status-change.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertAttempt, insertMail, statusOf } from './mails.ts'

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
    const ids = await Promise.all(Array.from({ length: 7 }, () => insertMail(database.db, { status: 'held' })))
    const { examples, ...seen } = await preview(release, { filter: {} })
    expect(examples).toHaveLength(5)
    expect(examples[0]).toEqual({ id: Math.min(...ids), to: 'ann@example.org', subject: 'Hello' })
    expect(await statusOf(database.db, ids[0] ?? 0)).toBe('held')
    expect(await audit()).toEqual([])
    expect(await apply(release, { filter: {} })).toEqual(seen)
  })
})

describe('the audit log', () => {
  it('says who changed what, and which one if it was one', async () => {
    const id = await insertMail(database.db, { status: 'held', error_class: 'timeout' })
    const filter = { errorClass: 'timeout', since: new Date('2026-01-01T00:00:00Z') }
    await apply(release, { filter, limit: 3 })
    expect(await audit()).toMatchObject([
      {
        action: 'release',
        entity_type: 'email_queue',
        entity_id: id,
        actor_email: 'ann@console',
        changes: {
          filter: { errorClass: 'timeout', since: '2026-01-01T00:00:00.000Z', limit: 3 },
          count: 1,
          byStatus: { held: 1 },
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

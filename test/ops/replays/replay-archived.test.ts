import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cancel } from '../../../src/ops/cancel-mails.ts'
import type { ReplayRequest } from '../../../src/ops/replays/replay.ts'
import { applyChange } from '../../../src/ops/status-change.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { archiveEnded, insertArchived, insertMail } from '../mails.ts'
import { preview as previewOf, replayAll } from './replaying.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query(
    'TRUNCATE email_queue, fleet.email_archive, fleet.replays, fleet.replay_items, audit_log RESTART IDENTITY',
  ),
)

const apply = (request: Partial<ReplayRequest>) => replayAll(database.db, request)
const preview = (request: Partial<ReplayRequest>) => previewOf(database.db, request)
const anHourAgo = new Date(Date.now() - 3_600_000)

async function queued() {
  return database.db.selectFrom('email_queue').selectAll().orderBy('id').execute()
}

async function archivedIds(): Promise<number[]> {
  const rows = await database.db.selectFrom('fleet.email_archive').select('id').orderBy('id').execute()
  return rows.map(({ id }) => id)
}

async function sessionsWaiting(): Promise<number | null> {
  const { rowCount } = await database.pool.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return rowCount
}

/** Both answer the same, but for the examples; neither is to surprise. */
async function previewAndApply(request: Partial<ReplayRequest>) {
  const { count, byStatus, archived, skipped } = await preview(request)
  const done = await apply(request)
  expect(done).toEqual({ count, byStatus, archived, skipped })
  return done
}

describe('the replay of archived mail', () => {
  it('starts it afresh as it would have in the queue, and changes nothing else of it', async () => {
    const mail = {
      recipient_cc: 'bob@example.org',
      variables: '{"name":"Ann"}',
      attempts: 3,
      rescues: 1,
      priority: 2,
      claimed_by: 'worker',
      message_id: '<1.2@example.org>',
      dedup_key: 'order-7',
      last_error: 'No answer',
      error_class: 'timeout',
      scheduled_at: anHourAgo,
      recipients: JSON.stringify({
        'ann@example.org': { state: 'accepted', reply: '250 ok' },
        'bob@example.org': { state: 'refused', reply: '550 unknown' },
      }),
    }
    await insertMail(database.db, { ...mail, status: 'failed' })
    const [before] = await queued()
    await archiveEnded(database.db)
    expect(await queued()).toEqual([])
    expect(await previewAndApply({ filter: { ids: [1] } })).toEqual({
      count: 1,
      byStatus: { failed: 1 },
      archived: 1,
      skipped: [],
    })
    const [after] = await queued()
    expect(after).toEqual({
      ...before,
      status: 'pending',
      attempts: 0,
      rescues: 0,
      claimed_by: null,
      recipients: { 'ann@example.org': { state: 'accepted', reply: '250 ok' } },
      due_at: expect.any(Date),
      updated_at: expect.any(Date),
    })
    expect(after?.due_at?.getTime()).toBeGreaterThan(anHourAgo.getTime())
    expect(await archivedIds()).toEqual([])
  })

  it('takes in what the filter means of both tables, and says how much of it was archived', async () => {
    await insertArchived(database.db, { error_class: 'timeout' })
    await insertArchived(database.db, { status: 'expired', error_class: 'timeout' })
    await insertArchived(database.db, { status: 'sent', error_class: 'timeout' })
    await insertArchived(database.db, { error_class: 'too_large' })
    await insertMail(database.db, { status: 'held', error_class: 'timeout' })
    expect(await previewAndApply({ filter: { errorClass: 'timeout' } })).toEqual({
      count: 3,
      byStatus: { failed: 1, expired: 1, held: 1 },
      archived: 2,
      skipped: [],
    })
    expect((await queued()).map(({ id, status }) => [id, status])).toEqual([
      [1, 'pending'],
      [2, 'pending'],
      [5, 'pending'],
    ])
    expect(await archivedIds()).toEqual([3, 4])
    expect(await database.db.selectFrom('audit_log').selectAll().execute()).toMatchObject([
      { action: 'replay', changes: { filter: { errorClass: 'timeout' }, count: 3, archived: 2 } },
    ])
  })

  it('shows the first mails in its preview, from wherever they are', async () => {
    const archived = await insertArchived(database.db, { priority: 2, subject: 'Archived' })
    const held = await insertMail(database.db, { priority: 1, status: 'held', subject: 'Held' })
    expect((await preview({ filter: {} })).examples.map(({ id, subject }) => [id, subject])).toEqual([
      [held, 'Held'],
      [archived, 'Archived'],
    ])
    expect(await archivedIds()).toEqual([archived])
  })

  it('takes the most urgent of both tables up to the limit', async () => {
    await insertArchived(database.db, { priority: 5 })
    const urgent = await insertArchived(database.db, { priority: 1 })
    await insertArchived(database.db, { priority: 9 })
    const inQueue = await insertMail(database.db, { priority: 3, status: 'failed' })
    await insertMail(database.db, { priority: 8, status: 'failed' })
    expect(await previewAndApply({ filter: {}, limit: 2 })).toMatchObject({
      count: 2,
      archived: 1,
      skipped: [{ reason: 'over_limit', count: 3 }],
    })
    const pending = (await queued()).filter(({ status }) => status === 'pending').map(({ id }) => id)
    expect(pending).toEqual([urgent, inQueue])
    expect(await archivedIds()).toEqual([1, 3])
  })

  it('leaves what would expire at once, in the archive as in the queue', async () => {
    await insertArchived(database.db, { status: 'expired', not_after: anHourAgo })
    await insertMail(database.db, { status: 'expired', not_after: anHourAgo })
    expect(await previewAndApply({ filter: {} })).toMatchObject({
      count: 0,
      skipped: [{ reason: 'would_expire', count: 2, ids: [1, 2] }],
    })
    expect(await archivedIds()).toEqual([1])
  })

  it('leaves a mail whose dedup_key a newer one has, and replays the rest', async () => {
    const older = await insertArchived(database.db, { dedup_key: 'a' })
    const newest = await insertArchived(database.db, { dedup_key: 'a' })
    const taken = await insertArchived(database.db, { dedup_key: 'b' })
    await insertMail(database.db, { dedup_key: 'b' })
    const free = await insertArchived(database.db, { dedup_key: 'c' })
    expect(await previewAndApply({ filter: {} })).toEqual({
      count: 2,
      byStatus: { failed: 2 },
      archived: 2,
      skipped: [{ reason: 'key_taken', count: 2, ids: [older, taken] }],
    })
    expect(await archivedIds()).toEqual([older, taken])
    expect((await queued()).map(({ id }) => id)).toEqual([newest, taken + 1, free])
  })

  it('leaves a mail whose dedup_key somebody takes at that very moment', async () => {
    await insertArchived(database.db, { dedup_key: 'a' })
    const free = await insertArchived(database.db, { dedup_key: 'b' })
    const client = await database.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query(
        `INSERT INTO email_queue (recipient_to, subject, body, dedup_key) VALUES ('a@x.org', 's', 'b', 'a')`,
      )
      const replayed = apply({ filter: {} })
      await expect.poll(sessionsWaiting).toBe(1)
      await client.query('COMMIT')
      expect(await replayed).toEqual({
        count: 1,
        byStatus: { failed: 1 },
        archived: 1,
        skipped: [{ reason: 'key_taken', count: 1, ids: [1] }],
      })
    } finally {
      client.release()
    }
    expect(await archivedIds()).toEqual([1])
    expect((await queued()).map(({ id, status }) => [id, status])).toEqual([
      [free, 'pending'],
      [free + 1, 'pending'],
    ])
  })

  it('never waits for an archived mail that another session has locked', async () => {
    const locked = await insertArchived(database.db)
    await insertArchived(database.db)
    const client = await database.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT FROM fleet.email_archive WHERE id = $1 FOR UPDATE', [locked])
      expect(await apply({ filter: {} })).toMatchObject({ count: 1, skipped: [{ reason: 'locked', count: 1 }] })
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })

  it('happens once when two operators replay at once', async () => {
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, status)
      SELECT 'a@example.org', 's', 'b', 'failed' FROM generate_series(1, 500)`)
    await archiveEnded(database.db)
    const reports = await Promise.all([apply({ filter: {} }), apply({ filter: {} })])
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(500)
    expect(await queued()).toHaveLength(500)
    expect(await archivedIds()).toEqual([])
  })

  it('says of each mail named by its id why nothing happens to it', async () => {
    const sent = await insertArchived(database.db, { status: 'sent' })
    const other = await insertArchived(database.db, { error_class: 'too_large' })
    const failed = await insertArchived(database.db, { error_class: 'timeout' })
    expect(await previewAndApply({ filter: { ids: [sent, other, failed, 99], errorClass: 'timeout' } })).toMatchObject({
      count: 1,
      skipped: [
        { reason: 'filter', count: 1, ids: [other] },
        { reason: 'status', status: 'sent', count: 1, ids: [sent] },
        { reason: 'unknown', count: 1, ids: [99] },
      ],
    })
  })
})

it('cancels nothing that is archived, and says of what is named that it has ended', async () => {
  const id = await insertArchived(database.db)
  const cancelled = await applyChange(database.db, cancel, { filter: { ids: [id] }, actor: 'ann@console' })
  expect(cancelled).toMatchObject({ count: 0, skipped: [{ reason: 'status', status: 'failed', ids: [id] }] })
  expect(await applyChange(database.db, cancel, { filter: {}, actor: 'ann@console' })).toMatchObject({ count: 0 })
  expect(await archivedIds()).toEqual([id])
})

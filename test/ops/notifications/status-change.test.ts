import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { NotificationFilter } from '../../../src/ops/notifications/notification-filter.ts'
import {
  cancelNotifications,
  releaseNotifications,
  replayNotifications,
} from '../../../src/ops/notifications/notification-queue.ts'
import { notificationStatuses, replayableNotifications } from '../../../src/ops/notifications/notification-status.ts'
import { applyChange, type ChangeRequest, previewChange, type StatusChange } from '../../../src/ops/status-change.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { insertAttempt, insertMail, statusOf } from '../mails.ts'
import { insertDigest, insertNotice, insertNoticeAttempt, noticeStatuses } from './notices.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query(`
    TRUNCATE notifications, email_queue, fleet.email_attempts, fleet.notification_attempts, fleet.notification_handovers, audit_log
    RESTART IDENTITY`),
)

type Change = StatusChange<NotificationFilter>
type Request = ChangeRequest<NotificationFilter>
const apply = (change: Change, request: Request) =>
  applyChange(database.db, change, { ...request, actor: 'ann@console' })

/** What a change says that it would do is what it does. */
async function previewAndApply(change: Change, request: Request) {
  const { examples: _, ...seen } = await previewChange(database.db, change, request)
  const done = await apply(change, request)
  expect(done).toEqual(seen)
  return done
}

const anHourAgo = new Date(Date.now() - 3_600_000)
const inAnHour = new Date(Date.now() + 3_600_000)

describe('a replay', () => {
  it('puts back what is failed, held, cancelled, expired or skipped, and nothing else', async () => {
    for (const status of notificationStatuses) await insertNotice(database.db, { status })
    expect(await previewAndApply(replayNotifications, { filter: { channels: ['telegram'] } })).toEqual({
      count: 5,
      byStatus: { failed: 1, held: 1, cancelled: 1, expired: 1, skipped: 1 },
      members: 0,
      ambiguous: 0,
      skipped: [],
    })
    const rows = await database.db.selectFrom('notifications').select('status').orderBy('id').execute()
    expect(rows.map(({ status }) => status)).toEqual(
      notificationStatuses.map((status) =>
        replayableNotifications.some((word) => word === status) ? 'pending' : status,
      ),
    )
  })

  it('repeats only the channel that failed', async () => {
    const notice = { group_id: 'order-7', notification_type: 'expired' }
    const failed = await insertNotice(database.db, { ...notice, status: 'failed', attempts: 3 })
    const stead = await insertNotice(database.db, { ...notice, type: 'email', status: 'sent', fallback_of: failed })
    const seen = await insertNotice(database.db, { ...notice, type: 'system', status: 'sent' })
    await previewAndApply(replayNotifications, { filter: { group: 'order-7' } })
    expect(await noticeStatuses(database.db, failed, stead, seen)).toEqual(['pending', 'sent', 'sent'])
    expect(await database.db.selectFrom('notifications').select('attempts').where('id', '=', failed).execute()).toEqual(
      [{ attempts: 0 }],
    )
    expect(await database.db.selectFrom('notifications').select('id').execute()).toHaveLength(3)
  })

  it('leaves what would expire at once, what no channel sends, and what a worker still has in hand', async () => {
    const late = await insertNotice(database.db, { status: 'expired', not_after: anHourAgo })
    const unknown = await insertNotice(database.db, { type: 'pigeon' })
    const inHand = await insertNotice(database.db, { status: 'cancelled', leased_until: inAnHour })
    const free = await insertNotice(database.db, { status: 'cancelled', leased_until: anHourAgo })
    expect(await previewAndApply(replayNotifications, { filter: {} })).toMatchObject({
      count: 1,
      skipped: [
        { reason: 'being_sent', count: 1, ids: [inHand] },
        { reason: 'unknown_channel', count: 1, ids: [unknown] },
        { reason: 'would_expire', count: 1, ids: [late] },
      ],
    })
    expect(await noticeStatuses(database.db, late, unknown, inHand, free)).toEqual([
      'expired',
      'skipped',
      'cancelled',
      'pending',
    ])
  })

  it('of an e-mail waits for the worker that had its cancelled mail in hand, and for no longer', async () => {
    const id = await insertNotice(database.db, { type: 'email', status: 'sending', leased_until: 'infinity' as never })
    const mail = await insertMail(database.db, {
      notification_id: id,
      status: 'sending',
      claim_token: '5',
      leased_until: inAnHour,
    })
    await apply(cancelNotifications, { filter: { ids: [id] } })
    expect(await statusOf(database.db, mail)).toBe('cancelled')
    expect(await previewAndApply(replayNotifications, { filter: { ids: [id] } })).toMatchObject({
      count: 0,
      skipped: [{ reason: 'being_sent', count: 1, ids: [id] }],
    })
    await database.db.updateTable('email_queue').set({ leased_until: null }).execute()
    expect(await previewAndApply(replayNotifications, { filter: { ids: [id] } })).toMatchObject({
      count: 1,
      skipped: [],
    })
  })

  it('takes the most urgent and oldest first up to the limit', async () => {
    const low = await insertNotice(database.db, { status: 'failed', priority: 'low' })
    const urgent = await insertNotice(database.db, { status: 'failed', priority: 'urgent' })
    const normal = await insertNotice(database.db, { status: 'failed' })
    expect(await previewAndApply(replayNotifications, { filter: {}, limit: 2 })).toMatchObject({
      count: 2,
      skipped: [{ reason: 'over_limit', count: 1, ids: [] }],
    })
    expect(await noticeStatuses(database.db, low, urgent, normal)).toEqual(['failed', 'pending', 'pending'])
  })

  it('says of each notification named by its id why nothing happens to it', async () => {
    const sent = await insertNotice(database.db, { status: 'sent' })
    const other = await insertNotice(database.db, { status: 'failed', type: 'sms' })
    expect(
      await previewAndApply(replayNotifications, { filter: { ids: [sent, other, 99], channels: ['telegram'] } }),
    ).toMatchObject({
      count: 0,
      skipped: [
        { reason: 'filter', count: 1, ids: [other] },
        { reason: 'status', status: 'sent', count: 1, ids: [sent] },
        { reason: 'unknown', count: 1, ids: [99] },
      ],
    })
  })

  it('never waits for a row that another session has locked', async () => {
    const locked = await insertNotice(database.db, { status: 'failed' })
    const client = await database.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT FROM notifications WHERE id = $1 FOR UPDATE', [locked])
      expect(await apply(replayNotifications, { filter: {} })).toMatchObject({
        count: 0,
        skipped: [{ reason: 'locked', count: 1, ids: [] }],
      })
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })

  it('changes each once when two operators replay at once', async () => {
    await database.pool.query(`
      INSERT INTO notifications (type, message, status) SELECT 'system', 'm', 'failed' FROM generate_series(1, 500)`)
    const reports = await Promise.all([1, 2].map(() => apply(replayNotifications, { filter: {} })))
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(500)
  })

  it('is written down', async () => {
    const id = await insertNotice(database.db, { status: 'failed' })
    const to = { text: '77', address: undefined, numbers: ['77'] }
    await apply(replayNotifications, { filter: { to, since: anHourAgo }, limit: 3 })
    expect(await database.db.selectFrom('audit_log').selectAll().execute()).toMatchObject([
      {
        action: 'replay',
        entity_type: 'notifications',
        entity_id: id,
        actor_email: 'ann@console',
        changes: { filter: { to: '77', since: anHourAgo.toISOString(), limit: 3 }, count: 1, byStatus: { failed: 1 } },
      },
    ])
  })
})

describe('a digest', () => {
  const digestOf = async () =>
    (await database.db.selectFrom('notifications').select('digest_of').orderBy('id').execute()).map(
      (row) => row.digest_of,
    )

  it.each([
    ['the row that carries it', 0],
    ['another of its rows', 2],
  ])('is replayed as a whole when %s is named', async (_, index) => {
    const ids = await insertDigest(database.db, 3, { status: 'failed' })
    expect(await previewAndApply(replayNotifications, { filter: { ids: [ids[index] ?? 0] } })).toEqual({
      count: 1,
      byStatus: { failed: 1 },
      members: 2,
      ambiguous: 0,
      skipped: [],
    })
    expect(await noticeStatuses(database.db, ...ids)).toEqual(['pending', 'pending', 'pending'])
    expect(await digestOf()).toEqual([null, ids[0], ids[0]])
  })

  it('is replayed once when all of its rows are meant', async () => {
    const ids = await insertDigest(database.db, 3, { status: 'failed' })
    expect(await previewAndApply(replayNotifications, { filter: { statuses: ['failed'] } })).toMatchObject({
      count: 1,
      members: 2,
    })
    expect(await digestOf()).toEqual([null, ids[0], ids[0]])
  })

  it('is left by a row that has been taken out of it: that goes by itself', async () => {
    const [carrier, member] = await insertDigest(database.db, 2, { status: 'sent' })
    await database.db
      .updateTable('notifications')
      .set({ status: 'cancelled' })
      .where('id', '=', member ?? 0)
      .execute()
    expect(await previewAndApply(replayNotifications, { filter: { ids: [member ?? 0] } })).toMatchObject({
      count: 1,
      byStatus: { cancelled: 1 },
      members: 0,
    })
    expect(await noticeStatuses(database.db, carrier, member ?? 0)).toEqual(['sent', 'pending'])
    expect(await digestOf()).toEqual([null, null])
  })

  it('goes on without a row that is cancelled', async () => {
    const [carrier, first, second] = await insertDigest(database.db, 3, {})
    expect(await previewAndApply(cancelNotifications, { filter: { ids: [first ?? 0] } })).toMatchObject({
      count: 1,
      members: 0,
    })
    expect(await noticeStatuses(database.db, carrier, first ?? 0, second ?? 0)).toEqual([
      'pending',
      'cancelled',
      'pending',
    ])
  })

  it('that is held is cancelled as a whole with the row that carries it', async () => {
    const ids = await insertDigest(database.db, 3, { status: 'held' })
    expect(await previewAndApply(cancelNotifications, { filter: { ids: [ids[0]] } })).toMatchObject({
      count: 1,
      members: 2,
    })
    expect(await noticeStatuses(database.db, ...ids)).toEqual(['cancelled', 'cancelled', 'cancelled'])
  })
})

describe('a release', () => {
  it('puts back what is held, and counts what may have arrived', async () => {
    const lost = await insertNotice(database.db, { status: 'held', error_class: 'answer_lost' })
    const died = await insertNotice(database.db, { status: 'held', error_class: 'worker_died' })
    await insertNoticeAttempt(database.db, { notification_id: died, outcome: 'ambiguous' })
    const marked = await insertNotice(database.db, { status: 'held', claim_token: '9' })
    await database.pool.query('INSERT INTO fleet.notification_handovers (token) VALUES (9)')
    const mailed = await insertNotice(database.db, { type: 'email', status: 'held' })
    const mail = await insertMail(database.db, { notification_id: mailed, status: 'held' })
    await insertAttempt(database.db, { email_id: mail, outcome: 'ambiguous' })
    const certain = await insertNotice(database.db, { status: 'held', error_class: 'adopted' })
    const failed = await insertNotice(database.db, { status: 'failed' })
    const request = { filter: { ids: [lost, died, marked, mailed, certain, failed] } }
    expect(await previewAndApply(releaseNotifications, request)).toMatchObject({
      count: 5,
      byStatus: { held: 5 },
      ambiguous: 4,
      skipped: [{ reason: 'status', status: 'failed', count: 1, ids: [failed] }],
    })
  })
})

describe('a cancel', () => {
  it('takes out what is pending, being sent or held, and nothing else, and the mail of an e-mail', async () => {
    for (const status of notificationStatuses) await insertNotice(database.db, { status })
    const mailed = await insertNotice(database.db, { type: 'email', status: 'sending' })
    const mail = await insertMail(database.db, { notification_id: mailed })
    expect(await previewAndApply(cancelNotifications, { filter: {} })).toMatchObject({
      count: 4,
      byStatus: { pending: 1, sending: 2, held: 1 },
    })
    expect(await statusOf(database.db, mail)).toBe('cancelled')
  })
})

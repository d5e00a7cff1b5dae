import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { archiveEnded } from '../ops/mails.ts'
import { replayAll } from '../ops/replays/replaying.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { NotificationRows } from './notification-rows.ts'

let database: TestDatabase
let rows: NotificationRows
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new NotificationRows(database)
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE notifications, email_queue, fleet.email_archive RESTART IDENTITY'))

/** What a notification says of its mail. */
async function told(id: number) {
  const { status, last_error, error_class, email_sent, email_error, processed_at, leased_until } = await rows.read(id)
  const ended = processed_at !== null
  return { status, last_error, error_class, email_sent, email_error, ended, waits: String(leased_until) === 'Infinity' }
}

const underWay = {
  status: 'sending',
  last_error: null,
  error_class: null,
  email_sent: false,
  email_error: null,
  ended: false,
  waits: true,
}
const trouble = { last_error: '550 no', error_class: 'refused', email_error: '550 no' }

describe('a notification whose mail', () => {
  it.each([
    ['sent', { status: 'sent', email_sent: true, ended: true, waits: false }],
    ['cancelled', { status: 'cancelled', ended: true, waits: false }],
    ['expired', { status: 'expired', ended: true, waits: false }],
    ['held', { status: 'held', waits: false }],
  ])('is %s is so, too', async (status, expected) => {
    const { id, mail } = await rows.mailed()
    expect(await told(id)).toEqual(underWay)
    await rows.putMail(mail, `status = 'sending'`)
    expect(await told(id)).toEqual(underWay)
    await rows.putMail(mail, `status = '${status}'`)
    expect(await told(id)).toEqual({ ...underWay, ...expected })
  })

  it('has failed has failed for the same reason, and another channel may be tried', async () => {
    const { id, mail } = await rows.mailed({ status: 'sending' })
    await rows.putMail(mail, `status = 'failed', last_error = '550 no', error_class = 'refused'`)
    expect(await told(id)).toEqual({ ...underWay, ...trouble, status: 'failed', ended: true, waits: false })
    expect((await rows.read(id)).needs_fallback).toBe(true)
  })

  it('failed softly is under way, and says why', async () => {
    const { id, mail } = await rows.mailed({ status: 'sending' })
    await rows.putMail(
      mail,
      `status = 'pending', last_error = '450 later', error_class = 'greylisted', leased_until = NULL`,
    )
    expect(await told(id)).toEqual({
      ...underWay,
      last_error: '450 later',
      error_class: 'greylisted',
      email_error: '450 later',
    })
    await rows.putMail(mail, `status = 'sending'`)
    await rows.putMail(mail, `status = 'sent', last_error = NULL, error_class = NULL`)
    expect(await told(id)).toEqual({ ...underWay, status: 'sent', email_sent: true, ended: true, waits: false })
  })

  it.each(['failed', 'held', 'cancelled', 'expired', 'sent'])(
    'is replayed from %s is under way again',
    async (status) => {
      const { id, mail } = await rows.mailed()
      await rows.putMail(mail, `status = '${status}'`)
      await rows.putMail(mail, `status = 'pending'`)
      expect(await told(id)).toEqual(underWay)
      expect((await rows.read(id)).needs_fallback).toBe(false)
    },
  )

  it('waits is not replayed by itself', async () => {
    const { id } = await rows.mailed()
    await rows.put(id, `status = 'pending'`)
    expect(await told(id)).toEqual(underWay)
  })

  it('is archived stays what it is, and is under way again when the mail comes back to be replayed', async () => {
    const { id, mail } = await rows.mailed()
    await rows.putMail(mail, `status = 'failed', last_error = '550 no', error_class = 'refused'`)
    const failed = await told(id)
    await archiveEnded(database.db)
    expect(await told(id)).toEqual(failed)
    const archived = await database.pool.query('SELECT notification_id FROM fleet.email_archive')
    expect(archived.rows).toEqual([{ notification_id: id }])
    expect(await replayAll(database.db, { filter: { ids: [mail] } })).toMatchObject({
      archived: 1,
    })
    expect(await told(id)).toEqual({ ...underWay, ...trouble })
  })

  it.each(['pending', 'sending', 'held'])('is deleted as %s is cancelled', async (status) => {
    const { id, mail } = await rows.mailed()
    await rows.putMail(mail, `status = '${status}'`)
    await database.pool.query('DELETE FROM email_queue WHERE id = $1', [mail])
    const reason = 'Its mail was deleted'
    expect(await told(id)).toEqual({
      ...underWay,
      status: 'cancelled',
      last_error: reason,
      error_class: 'mail_deleted',
      email_error: reason,
      ended: true,
      waits: false,
    })
  })

  it('is deleted after its end stays what it is', async () => {
    const { id, mail } = await rows.mailed()
    await rows.putMail(mail, `status = 'sent'`)
    await database.pool.query('DELETE FROM email_queue WHERE id = $1', [mail])
    expect((await told(id)).status).toBe('sent')
  })

  it('belongs to another channel by now stays what it is', async () => {
    const { id, mail } = await rows.mailed()
    await rows.put(id, `type = 'telegram', status = 'failed'`)
    await rows.putMail(mail, `status = 'sent'`)
    expect(await rows.statuses([id])).toEqual(['failed'])
  })
})

describe('the mail of a notification', () => {
  it.each(['pending', 'sending', 'held'])('that is %s is cancelled with it', async (status) => {
    const { id, mail } = await rows.mailed()
    await rows.putMail(mail, `status = '${status}'`)
    await rows.put(id, `status = 'cancelled'`)
    expect([await rows.mailStatus(mail), ...(await rows.statuses([id]))]).toEqual(['cancelled', 'cancelled'])
  })

  it('that was cancelled in the hands of a worker may still turn out to be sent', async () => {
    const { id, mail } = await rows.mailed({ status: 'sending' })
    await rows.put(id, `status = 'cancelled'`)
    await rows.putMail(mail, `status = 'sent'`)
    expect(await rows.statuses([id])).toEqual(['sent'])
  })

  it('is cancelled when the notification is deleted', async () => {
    const { id, mail } = await rows.mailed()
    await database.pool.query('DELETE FROM notifications WHERE id = $1', [id])
    expect(await rows.mailStatus(mail)).toBe('cancelled')
  })

  it('that has ended stays what it is', async () => {
    const { id, mail } = await rows.mailed()
    await rows.putMail(mail, `status = 'failed'`)
    await rows.put(id, `status = 'cancelled'`)
    expect(await rows.mailStatus(mail)).toBe('failed')
    await database.pool.query('DELETE FROM notifications WHERE id = $1', [id])
    expect(await rows.mailStatus(mail)).toBe('failed')
  })

  it('is one: a second is refused, while mail of no notification is not', async () => {
    const { id } = await rows.mailed()
    const insert = `INSERT INTO email_queue (recipient_to, subject, body, notification_id) VALUES ('a@x.example', 's', 'b', $1)`
    await expect(database.pool.query(insert, [id])).rejects.toThrow('ux_email_queue_notification_id')
    for (const _ of [1, 2]) await database.pool.query(insert, [null])
  })
})

describe('a mail and its notification, changed from both ends at once', () => {
  it('give up on the outcome, never on the cancellation: whoever records tries again', async () => {
    const { id, mail } = await rows.mailed({ status: 'sending' })
    const canceller = await database.pool.connect()
    const recorder = await database.pool.connect()
    await canceller.query('BEGIN')
    // Holds the notification, as the cancelling statement does before it comes to the mail.
    await canceller.query('SELECT FROM notifications WHERE id = $1 FOR UPDATE', [id])
    const recorded = recorder.query(`UPDATE email_queue SET status = 'sent' WHERE id = $1`, [mail])
    const refused = expect(recorded).rejects.toMatchObject({ code: '55P03' })
    await expect.poll(async () => (await waiting()).length).toBeGreaterThan(0)
    await canceller.query(`UPDATE notifications SET status = 'cancelled' WHERE id = $1`, [id])
    await canceller.query('COMMIT')
    await refused
    expect([await rows.mailStatus(mail), ...(await rows.statuses([id]))]).toEqual(['cancelled', 'cancelled'])
    await recorder.query(`UPDATE email_queue SET status = 'sent' WHERE id = $1`, [mail])
    expect(await rows.statuses([id])).toEqual(['sent'])
    canceller.release()
    recorder.release()
  })

  async function waiting(): Promise<unknown[]> {
    const { rows: sessions } = await database.pool.query(`
      SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
    return sessions
  }
})

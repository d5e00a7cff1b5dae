import { describe, expect, test } from 'vitest'
import { createScriptedWay } from '../support/notification-drains.ts'
import { setNotifications } from './notifications.ts'

const { start, insert, query, rows, statuses } = setNotifications()
const sends = () => createScriptedWay(async () => ({ outcome: { kind: 'sent' } }))
const failsForNow = () =>
  createScriptedWay(async () => ({
    outcome: { kind: 'soft_failure', errorClass: 'server_unavailable', reason: 'later' },
  }))
const grouped = { type: 'sms', group_id: 'g' }
/** Nothing waits any more: as if the window were over. */
const endWindow = () =>
  query(`UPDATE notifications SET enqueued_at = now() - interval '61 s', due_at = now() WHERE status = 'pending'`)

describe('notifications of a group', () => {
  test('wait for each other, and go out as one, in order', async () => {
    const { way, told } = sends()
    const drains = start({ ways: { sms: way } })
    await insert({ ...grouped, subject: 'one' }, { ...grouped, subject: 'two' }, { ...grouped, subject: 'three' })
    await expect
      .poll(() => query(`SELECT status, due_at > now() AS waits FROM notifications WHERE id = 1`))
      .toEqual([{ status: 'pending', waits: true }])
    await drains.run()
    expect(told).toEqual([])
    await endWindow()
    await expect.poll(statuses).toEqual(['sent', 'sent', 'sent'])
    expect(told.map(({ id, digest }) => [id, digest.map(({ subject }) => subject)])).toEqual([
      [1, ['one', 'two', 'three']],
    ])
    expect((await rows()).map(({ digest_of, digest_size }) => [digest_of, digest_size])).toEqual([
      [null, 3],
      [1, null],
      [1, null],
    ])
  })

  test('go apart where company, recipient, language, fallback or channel differ, and when they are urgent or high', async () => {
    const { way, told } = sends()
    await insert(
      { ...grouped },
      { ...grouped, event_data: { phone: '+79120000001' } },
      { ...grouped, event_data: { locale: 'en' } },
      { ...grouped, event_data: { fallback: ['email'] } },
      { ...grouped, group_id: 'h' },
      { ...grouped, type: 'telegram' },
      { ...grouped, company_id: null, event_data: { phone: '+79120000000' } },
      { ...grouped, priority: 'high' },
      { ...grouped, priority: 'urgent' },
    )
    await endWindow()
    start({ ways: { sms: way, telegram: way } })
    await expect.poll(statuses).toEqual(Array.from({ length: 9 }, () => 'sent'))
    expect(told).toHaveLength(9)
    expect(told.flatMap(({ digest }) => digest)).toEqual([])
  })

  test('do not wait where the window is off', async () => {
    const { way, told } = sends()
    start({ ways: { sms: way }, groupSeconds: 0 })
    await insert(grouped, grouped)
    await expect.poll(statuses).toEqual(['sent', 'sent'])
    expect(told).toHaveLength(2)
  })

  test('fail as one, and are tried again as the same', async () => {
    const { way, told } = failsForNow()
    await insert(grouped, grouped)
    await endWindow()
    start({ ways: { sms: way } })
    await expect
      .poll(async () => (await rows()).map(({ attempts, status }) => `${attempts} ${status}`))
      .toEqual(['1 pending', '0 pending'])
    await insert({ ...grouped, subject: 'too late' })
    await query(`UPDATE notifications SET due_at = now() WHERE id = 1`)
    await expect.poll(() => told.length).toBe(2)
    expect(told[1]?.digest.map(({ id }) => id)).toEqual([1, 2])
  })

  test('lose their carrier without being lost', async () => {
    const { way, told } = failsForNow()
    await insert(grouped, grouped, grouped)
    await endWindow()
    start({ ways: { sms: way } })
    await expect.poll(() => told.length).toBe(1)
    await expect.poll(statuses).toEqual(['pending', 'pending', 'pending'])
    await query(`UPDATE notifications SET status = 'cancelled' WHERE id = 1`)
    await expect.poll(() => told.length).toBe(2)
    expect(told[1]?.digest.map(({ id }) => id)).toEqual([2, 3])
  })

  test('leave one out that was cancelled since', async () => {
    const { way, told } = failsForNow()
    await insert(grouped, grouped, grouped)
    await endWindow()
    start({ ways: { sms: way } })
    await expect.poll(() => told.length).toBe(1)
    await expect.poll(statuses).toEqual(['pending', 'pending', 'pending'])
    await query(`UPDATE notifications SET status = 'cancelled' WHERE id = 2`)
    await query(`UPDATE notifications SET due_at = now() WHERE id = 1`)
    await expect.poll(() => told.length).toBe(2)
    expect(told[1]?.digest.map(({ id }) => id)).toEqual([1, 3])
    expect((await statuses())[1]).toBe('cancelled')
  })

  test('go out as one mail, whose end is the end of all', async () => {
    await insert({ ...grouped, type: 'email' }, { ...grouped, type: 'email' })
    await endWindow()
    start()
    await expect.poll(() => query('SELECT notification_id AS id FROM email_queue')).toEqual([{ id: 1 }])
    expect(await statuses()).toEqual(['sending', 'sending'])
    await query(`UPDATE email_queue SET status = 'sent'`)
    expect((await rows()).map(({ status, email_sent }) => [status, email_sent])).toEqual([
      ['sent', true],
      ['sent', true],
    ])
  })

  test('are one digest for two workers as well', async () => {
    const { way, told } = sends()
    await insert(...Array.from({ length: 20 }, () => grouped))
    await endWindow()
    start({ ways: { sms: way }, owner: 'one' })
    start({ ways: { sms: way }, owner: 'two' })
    await expect.poll(async () => new Set(await statuses())).toEqual(new Set(['sent']))
    expect(told.map(({ digest }) => digest.length)).toEqual([20])
  })

  test('of different priority and one chat go out as one, by the most urgent', async () => {
    const { way, told } = sends()
    const inChat = { ...grouped, type: 'telegram' }
    await insert({ ...inChat, priority: 'low' }, inChat, { ...inChat, priority: 'low' })
    await endWindow()
    start({ ways: { telegram: way } })
    await expect.poll(statuses).toEqual(['sent', 'sent', 'sent'])
    expect(told.map(({ id, digest }) => [id, digest.map((one) => one.id)])).toEqual([[2, [1, 2, 3]]])
  })

  test('go by themselves where a part of them has been sent', async () => {
    const { way, told } = sends()
    await insert({ ...grouped, priority: 'low' }, grouped, grouped)
    await query(`UPDATE notifications SET parts = '{"sent": []}' WHERE id = 1`)
    await endWindow()
    start({ ways: { sms: way } })
    await expect.poll(statuses).toEqual(['sent', 'sent', 'sent'])
    expect(told.map(({ id, digest }) => [id, digest.map((one) => one.id)])).toEqual([
      [2, [2, 3]],
      [1, []],
    ])
  })

  test('do not wait until it is too late for them', async () => {
    const { way, told } = sends()
    const soon = new Date(Date.now() + 30_000).toISOString().slice(0, -1)
    await insert(grouped, { ...grouped, not_after: soon })
    start({ ways: { sms: way } })
    // The first may be in hand at that moment, or go out with it.
    await expect.poll(async () => (await statuses())[1]).toBe('sent')
    expect(told.map(({ id }) => id)).toEqual([2])
  })

  test('are not told any more once it is too late for them', async () => {
    const { way, told } = failsForNow()
    await insert(grouped, grouped, grouped)
    await endWindow()
    start({ ways: { sms: way } })
    await expect.poll(() => told.length).toBe(1)
    await expect.poll(statuses).toEqual(['pending', 'pending', 'pending'])
    await query(`UPDATE notifications SET not_after = fleet.utc_now() WHERE id = 2`)
    await query(`UPDATE notifications SET due_at = now() WHERE id = 1`)
    await expect.poll(() => told.length).toBe(2)
    expect(told[1]?.digest.map(({ id }) => id)).toEqual([1, 3])
    await expect.poll(statuses).toEqual(['pending', 'expired', 'pending'])
  })
})

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { NotificationRows } from './notification-rows.ts'

let database: TestDatabase
let rows: NotificationRows
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new NotificationRows(database)
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE companies, notifications, email_queue RESTART IDENTITY CASCADE'))

const future = '2927-03-01T12:00:00.000Z'
const isNow = (time: Date | null) => Math.abs(Date.now() - (time?.getTime() ?? 0)) < 60_000

describe('a row that another program sets back to pending', () => {
  it.each(['failed', 'skipped', 'held', 'cancelled', 'expired', 'sent'])('starts afresh from %s', async (status) => {
    const id = await rows.insert({ type: 'sms', status })
    await rows.put(
      id,
      `attempts = 3, rescues = 3, claimed_by = 'w', claimed_at = now(), leased_until = now(), needs_fallback = true,
       due_at = now() + interval '4 hours'`,
    )
    await rows.put(id, `status = 'pending'`)
    const row = await rows.read(id)
    expect(row).toMatchObject({
      status: 'pending',
      attempts: 0,
      rescues: 0,
      claimed_by: null,
      claimed_at: null,
      leased_until: null,
    })
    expect(row.needs_fallback).toBe(false)
    expect(isNow(row.due_at)).toBe(true)
  })

  it('goes on with the parts that nobody has yet, but starts over when all was sent', async () => {
    const parts = { sent: 2 }
    for (const status of ['failed', 'cancelled', 'sent']) {
      const id = await rows.insert({ type: 'telegram', status, parts: JSON.stringify(parts) })
      await rows.put(id, `status = 'pending'`)
      expect((await rows.read(id)).parts).toEqual(status === 'sent' ? null : parts)
    }
  })

  it('keeps its time where that lies ahead, and takes a due_at given with it', async () => {
    const scheduled = await rows.insert({ type: 'sms', status: 'cancelled', scheduled_at: future })
    await rows.put(scheduled, `status = 'pending'`)
    expect((await rows.read(scheduled)).due_at?.toISOString()).toBe(future)
    const failed = await rows.insert({ type: 'sms', status: 'failed' })
    await rows.put(failed, `status = 'pending', due_at = '${future}'`)
    expect((await rows.read(failed)).due_at?.toISOString()).toBe(future)
  })

  it('goes where its company is to be reached by now', async () => {
    const company = await rows.company()
    const id = await rows.insert({ type: 'telegram', company_id: company, status: 'failed' })
    await database.pool.query(`UPDATE companies SET telegram_chat_id = '88'`)
    await rows.put(id, `status = 'pending'`)
    expect((await rows.read(id)).recipient).toBe('88')
  })

  it('is left in the hands of its worker, and left alone when its worker does it', async () => {
    const id = await rows.insert({ type: 'sms' })
    await rows.put(id, `status = 'sending', attempts = 2, leased_until = now() + interval '1 minute'`)
    for (const status of [`'pending'`, 'NULL']) {
      await rows.put(id, `status = ${status}`)
      expect((await rows.read(id)).status).toBe('sending')
    }
    await rows.put(id, `status = 'pending', leased_until = NULL, due_at = '${future}'`)
    const row = await rows.read(id)
    expect(row).toMatchObject({ status: 'pending', attempts: 2 })
    expect(row.due_at?.toISOString()).toBe(future)
  })

  it('without a channel of that name is skipped with the reason', async () => {
    const held = await rows.insert({ type: 'push', status: 'held' })
    const waiting = await rows.insert({ type: 'sms' })
    await rows.put(held, `status = 'pending'`)
    await rows.put(waiting, `type = 'pigeon'`)
    for (const id of [held, waiting]) {
      expect(await rows.read(id)).toMatchObject({
        status: 'skipped',
        error_class: 'unknown_channel',
        needs_fallback: true,
      })
    }
    await rows.put(held, `status = 'pending', type = 'sms'`)
    expect(await rows.read(held)).toMatchObject({ status: 'pending', needs_fallback: false })
  })
})

describe('a waiting row that another program changes', () => {
  it('takes the new priority, also while it is held', async () => {
    const id = await rows.insert({ type: 'sms' })
    await rows.put(id, `priority = 'urgent'`)
    expect((await rows.read(id)).prio).toBe(1)
    await rows.put(id, `status = 'held'`)
    await rows.put(id, `priority = 'low'`)
    expect((await rows.read(id)).prio).toBe(7)
  })

  it('takes the new time, and is due now without one', async () => {
    const id = await rows.insert({ type: 'sms' })
    await rows.put(id, `scheduled_at = '2927-03-01 12:00:00'`)
    expect((await rows.read(id)).due_at?.toISOString()).toBe(future)
    await rows.put(id, 'scheduled_at = NULL')
    expect(isNow((await rows.read(id)).due_at)).toBe(true)
  })

  it('counts a status of NULL as pending', async () => {
    const id = await rows.insert({ type: 'sms', status: 'failed' })
    await rows.put(id, 'status = NULL')
    expect((await rows.read(id)).status).toBe('pending')
  })
})

describe('what follows the status, whoever sets it', () => {
  it.each(['email', 'telegram'] as const)('are the columns of the channel: %s', async (type) => {
    const id = await rows.insert({ type })
    const read = async () => {
      const row = await rows.read(id)
      return [row[`${type}_sent`], row[`${type}_sent_at`] && isNow(row[`${type}_sent_at`]), row[`${type}_error`]]
    }
    await rows.put(id, `last_error = 'busy'`)
    expect(await read()).toEqual([false, null, 'busy'])
    await rows.put(id, `status = 'failed', last_error = 'gone'`)
    expect(await read()).toEqual([false, null, 'gone'])
    await rows.put(id, `status = 'sent', last_error = NULL`)
    expect(await read()).toEqual([true, true, null])
    await rows.put(id, `status = 'pending'`)
    expect(await read()).toEqual([false, null, null])
  })

  it('are no columns of another channel', async () => {
    const id = await rows.insert({ type: 'sms' })
    await rows.put(id, `status = 'sent'`)
    expect(await rows.read(id)).toMatchObject({ email_sent: false, telegram_sent: false, email_sent_at: null })
  })

  it.each([
    ['sent', true],
    ['failed', true],
    ['skipped', true],
    ['cancelled', true],
    ['expired', true],
    ['held', false],
    ['sending', false],
  ])('is processed_at: %s is an end: %s', async (status, ends) => {
    const id = await rows.insert({ type: 'sms' })
    await rows.put(id, `status = '${status}'`)
    const { processed_at } = await rows.read(id)
    expect(processed_at === null ? false : isNow(processed_at)).toBe(ends)
    await rows.put(id, `status = 'pending', leased_until = NULL`)
    expect((await rows.read(id)).processed_at).toBeNull()
  })

  it('is changed_at, which nothing else moves', async () => {
    const id = await rows.insert({ type: 'sms', changed_at: '2020-01-01' })
    await rows.put(id, `changed_at = '2020-01-01'`)
    await rows.put(id, `subject = 'x', last_error = 'x', read_at = now()`)
    expect((await rows.read(id)).changed_at.toISOString()).toBe('2020-01-01T00:00:00.000Z')
    await rows.put(id, `status = 'held'`)
    expect(isNow((await rows.read(id)).changed_at)).toBe(true)
  })

  it.each([
    ['pending', 'failed', true],
    ['sending', 'skipped', true],
    ['held', 'failed', true],
    ['sending', 'cancelled', false],
    ['sending', 'expired', false],
    ['sending', 'held', false],
    ['sending', 'sent', false],
    ['sent', 'failed', false],
  ])('is needs_fallback: from %s to %s %s', async (from, to, needed) => {
    const id = await rows.insert({ type: 'sms', status: from })
    await rows.put(id, `status = '${to}'`)
    expect((await rows.read(id)).needs_fallback).toBe(needed)
  })
})

import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { createScriptedWay } from '../support/notification-drains.ts'
import { setNotifications } from './notifications.ts'

const fixture = setNotifications()
const { start, insert, query, rows, statuses } = fixture
const chat = (chat_id: string | number, more: object = {}) => ({ event_data: { chat_id }, ...more })

describe('the messages of a chat', () => {
  test('go one at a time and as they came, whichever worker sends them; other chats do not wait', async () => {
    const open = new Map<string, number>()
    const order = new Map<string, number[]>()
    let most = 0
    const { way } = createScriptedWay(async ({ id, recipient }) => {
      const name = String(recipient)
      open.set(name, (open.get(name) ?? 0) + 1)
      most = Math.max(most, open.get(name) ?? 0)
      order.set(name, [...(order.get(name) ?? []), id])
      await new Promise(setImmediate)
      open.set(name, (open.get(name) ?? 0) - 1)
      return { outcome: { kind: 'sent' } }
    })
    await insert(...Array.from({ length: 60 }, (_, at) => chat(100 + (at % 4))))
    start({ ways: { telegram: way }, owner: 'one' })
    start({ ways: { telegram: way }, owner: 'two' })
    await expect.poll(async () => (await statuses()).filter((status) => status === 'sent').length).toBe(60)
    expect(most).toBe(1)
    for (const ids of order.values()) expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    expect(order.size).toBe(4)
  })

  test('go the most urgent first', async () => {
    const { way, told } = createScriptedWay(async () => ({ outcome: { kind: 'sent' } }))
    await insert(chat(1, { priority: 'low' }), chat(1), chat(1, { priority: 'urgent' }), chat(1, { priority: 'high' }))
    start({ ways: { telegram: way } })
    await expect.poll(statuses).toEqual(['sent', 'sent', 'sent', 'sent'])
    expect(told.map(({ id }) => id)).toEqual([3, 4, 2, 1])
  })

  test('wait for one that failed, but no longer than a minute', async () => {
    const { way, told } = createScriptedWay(async ({ id }) => ({
      outcome:
        id === 1 ? { kind: 'soft_failure', errorClass: 'server_unavailable', reason: 'later' } : { kind: 'sent' },
    }))
    const drains = start({ ways: { telegram: way } })
    await insert(chat(1), chat(1), chat(2))
    await expect.poll(statuses).toEqual(['pending', 'pending', 'sent'])
    await drains.run()
    expect(told.map(({ id }) => id).sort()).toEqual([1, 3])
    await query(`UPDATE notifications SET claimed_at = now() - interval '61 s' WHERE id = 1`)
    await expect.poll(statuses).toEqual(['pending', 'sent', 'sent'])
    expect((await rows())[0]).toMatchObject({ attempts: 1 })
  })

  test('do not wait for one that was tried before the clock was set back', async () => {
    const { way, told } = createScriptedWay(async () => ({ outcome: { kind: 'sent' } }))
    await insert(chat(1), chat(1))
    await query(
      `UPDATE notifications SET claimed_at = now() + interval '1 h', due_at = now() + interval '2 h' WHERE id = 1`,
    )
    start({ ways: { telegram: way } })
    await expect.poll(statuses).toEqual(['pending', 'sent'])
    expect(told.map(({ id }) => id)).toEqual([2])
  })

  test('wait for one that was put off', async () => {
    const { way, told } = createScriptedWay(async ({ id }) => ({
      outcome: id === 1 ? { kind: 'untouched', delayMs: 60_000 } : { kind: 'sent' },
    }))
    const drains = start({ ways: { telegram: way } })
    await insert(chat(1), chat(1), chat(2))
    await expect.poll(statuses).toEqual(['pending', 'pending', 'sent'])
    await drains.run()
    expect(told.map(({ id }) => id).sort()).toEqual([1, 3])
  })

  test('do not wait for one that waits for its group', async () => {
    const { way, told } = createScriptedWay(async () => ({ outcome: { kind: 'sent' } }))
    start({ ways: { telegram: way } })
    await insert(chat(1, { group_id: 'g' }), chat(1))
    await expect.poll(statuses).toEqual(['pending', 'sent'])
    expect(told.map(({ id }) => id)).toEqual([2])
  })

  test('wait for one whose claim nobody could see yet when a more urgent one was claimed', async () => {
    const claimed = Promise.withResolvers<void>()
    const committed = Promise.withResolvers<void>()
    const answers: boolean[] = []
    const { way } = createScriptedWay(async (_notice, { handOver }) => {
      claimed.resolve()
      await committed.promise
      const mayGo = await handOver()
      answers.push(mayGo)
      return { outcome: mayGo ? { kind: 'sent' } : { kind: 'untouched', delayMs: 0 } }
    })
    await insert(chat(1))
    const other = await fixture.database.db.startTransaction().execute()
    await sql`
      UPDATE notifications SET status = 'sending', claim_token = 0, claimed_at = now(), leased_until = now() + interval '1 hour'`.execute(
      other,
    )
    await insert(chat(1, { priority: 'urgent' }))
    start({ ways: { telegram: way } })
    await claimed.promise
    await other.commit().execute()
    committed.resolve()
    await expect.poll(statuses).toEqual(['sending', 'pending'])
    expect(answers).toEqual([false])
    await query(`UPDATE notifications SET status = 'sent' WHERE id = 1`)
    await expect.poll(statuses).toEqual(['sent', 'sent'])
  })

  test('follow the company to another chat', async () => {
    await query(`UPDATE fleet.channels SET paused_until = now() + interval '1 hour' WHERE name = 'telegram'`)
    await insert({}, {})
    await query(`UPDATE companies SET telegram_chat_id = '7002' WHERE id = 1`)
    expect((await rows()).map(({ recipient }) => recipient)).toEqual(['7002', '7002'])
    await query(`UPDATE companies SET telegram_chat_id = '7001' WHERE id = 1`)
    await query(`UPDATE fleet.channels SET paused_until = NULL`)
  })
})

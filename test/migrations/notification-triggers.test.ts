import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { foreignZones, inSession } from './foreign-session.ts'
import { heard, NotificationRows } from './notification-rows.ts'

let database: TestDatabase
let rows: NotificationRows
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new NotificationRows(database)
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query('TRUNCATE companies, notifications, email_queue, fleet.telegram_chats RESTART IDENTITY CASCADE'),
)

const future = '2927-03-01T12:00:00.000Z'
const isNow = (time: Date | null) => Math.abs(Date.now() - (time?.getTime() ?? 0)) < 60_000

describe('a row that another program inserts', () => {
  it.each(foreignZones)('is due now when its session lives in %s', async (zone) => {
    await inSession(database.url, zone, (session) =>
      session.query(`INSERT INTO notifications (type) VALUES ('system')`),
    )
    const row = await rows.read(1)
    expect([row.due_at, row.enqueued_at, row.changed_at].map(isNow)).toEqual([true, true, true])
    expect(row).toMatchObject({ status: 'pending', attempts: 0, max_attempts: 3, prio: 5, needs_fallback: false })
  })

  it.each(foreignZones)('is due at its scheduled_at as UTC, from a session in %s', async (zone) => {
    await inSession(database.url, zone, (session) =>
      session.query(`INSERT INTO notifications (type, scheduled_at) VALUES ('system', '2927-03-01 12:00:00')`),
    )
    expect((await rows.read(1)).due_at?.toISOString()).toBe(future)
  })

  it('counts explicit NULLs as the defaults', async () => {
    const names = [
      'company_id',
      'status',
      'priority',
      'attempts',
      'max_attempts',
      'scheduled_at',
      'created_at',
      'subject',
      'message',
    ]
    const id = await rows.insert({ type: 'email', ...Object.fromEntries(names.map((name) => [name, null])) })
    await database.pool.query('INSERT INTO notifications (type, event_data) VALUES ($1, NULL)', ['telegram'])
    expect(await rows.read(id)).toMatchObject({
      status: 'pending',
      prio: 5,
      attempts: 0,
      max_attempts: 3,
      recipient: null,
    })
    expect(await rows.read(id + 1)).toMatchObject({ status: 'pending', recipient: null })
  })

  it.each([
    ['urgent', 1],
    ['high', 3],
    ['normal', 5],
    ['low', 7],
    [' HIGH ', 3],
    ['critical', 5],
    ['', 5],
    [null, 5],
  ])('with the priority %j is served as %i', async (priority, prio) => {
    expect(await rows.read(await rows.insert({ type: 'sms', priority }))).toMatchObject({ priority, prio })
  })

  it('is not doubled by a second INSERT with the same dedup_key; without a key any number are taken', async () => {
    for (const _ of [1, 2]) {
      await database.pool.query(`
        INSERT INTO notifications (type, dedup_key) VALUES ('sms', 'expiry:7'), ('sms', NULL)
        ON CONFLICT (dedup_key) DO NOTHING`)
    }
    expect((await database.pool.query('SELECT count(*)::int AS count FROM notifications')).rows).toEqual([{ count: 3 }])
  })

  it('of a type that nobody knows is skipped with the reason, and another channel may be tried', async () => {
    const id = await rows.insert({ type: 'push' })
    const row = await rows.read(id)
    expect(row).toMatchObject({ status: 'skipped', error_class: 'unknown_channel', needs_fallback: true })
    expect(row.last_error).toBe('There is no channel "push": email, telegram, sms and system are there')
    expect(isNow(row.processed_at)).toBe(true)
  })

  it('that has ended already keeps what it says', async () => {
    const id = await rows.insert({ type: 'push', status: 'sent', processed_at: '2026-01-01T00:00:00Z' })
    expect(await rows.read(id)).toMatchObject({ status: 'sent', processed_at: new Date('2026-01-01T00:00:00Z') })
  })
})

describe('the recipient', () => {
  const recipient = async (columns: Readonly<Record<string, unknown>>) =>
    (await rows.read(await rows.insert(columns))).recipient

  it.each([
    ['email', { to: 'bo@x.example' }, 'bo@x.example'],
    ['telegram', { chat_id: '-100200' }, '-100200'],
    ['telegram', { chat_id: -1001234567890123 }, '-1001234567890123'],
    ['sms', { phone: ' +7 911 \n' }, '+7 911'],
    ['sms', { phone: 79110001122 }, '79110001122'],
  ])('of %s is what event_data %j says: %s', async (type, facts, expected) => {
    expect(await recipient({ company_id: await rows.company(), type, event_data: facts })).toBe(expected)
  })

  it.each([
    ['email', {}, 'ann@x.example'],
    ['email', { to: ' \t\n' }, 'ann@x.example'],
    ['email', { to: null }, 'ann@x.example'],
    ['email', { to: ['bo@x.example'] }, 'ann@x.example'],
    ['email', { chat_id: '5', phone: '6' }, 'ann@x.example'],
    ['telegram', { chat_id: true }, '77'],
    ['telegram', { chat_id: { id: 5 } }, '77'],
    ['telegram', ['chat_id', 'to'], '77'],
    ['telegram', 'chat_id', '77'],
    ['sms', 5, '+7 900 000'],
    ['sms', null, '+7 900 000'],
    ['system', { to: 'bo@x.example' }, null],
  ])('of %s with event_data %j is the company’s: %s', async (type, facts, expected) => {
    expect(await recipient({ company_id: await rows.company(), type, event_data: facts })).toBe(expected)
  })

  it('is nobody without a company, or with one that has none', async () => {
    expect(await recipient({ type: 'email' })).toBeNull()
    expect(await recipient({ type: 'telegram', company_id: await rows.company({ telegram_chat_id: '  ' }) })).toBeNull()
    expect(
      await recipient({ type: 'sms', company_id: await rows.company({ name: 'b', slug: 'b', contact_phone: null }) }),
    ).toBeNull()
  })

  it('is taken however long it is, and cut', async () => {
    const long = Array.from({ length: 9_000 }, (_, n) => n).join('')
    expect(await recipient({ type: 'telegram', event_data: { chat_id: long } })).toBe(long.slice(0, 500))
  })

  it('of a waiting row follows the company’s contact, unless the row names its own', async () => {
    const company = await rows.company()
    const ids = [
      await rows.insert({ type: 'telegram', company_id: company }),
      await rows.insert({ type: 'email', company_id: company }),
      await rows.insert({ type: 'telegram', company_id: company, event_data: { chat_id: '5' } }),
      await rows.insert({ type: 'telegram', company_id: company, status: 'failed' }),
      await rows.insert({ type: 'telegram', company_id: await rows.company({ name: 'b', slug: 'b' }) }),
    ]
    await database.pool.query(`UPDATE companies SET telegram_chat_id = '88', contact_email = NULL WHERE id = $1`, [
      company,
    ])
    expect(await Promise.all(ids.map(async (id) => (await rows.read(id)).recipient))).toEqual([
      '88',
      null,
      '5',
      '77',
      '77',
    ])
  })

  it('of a waiting row follows its own type, company and facts', async () => {
    const id = await rows.insert({ type: 'telegram', company_id: await rows.company() })
    await rows.put(id, `type = 'email'`)
    expect((await rows.read(id)).recipient).toBe('ann@x.example')
    await rows.put(id, `event_data = '{"to": "bo@x.example"}'`)
    expect((await rows.read(id)).recipient).toBe('bo@x.example')
    await rows.put(id, `company_id = NULL, event_data = '[]'`)
    expect((await rows.read(id)).recipient).toBeNull()
  })

  it('that could not be reached is tried again once the company gives it anew', async () => {
    const company = await rows.company({ telegram_chat_id: '78' })
    await database.pool.query(`
      INSERT INTO fleet.telegram_chats (chat_id, unreachable_since, unreachable_class, unreachable_reason)
      VALUES ('77', now(), 'blocked', 'Forbidden'), ('79', now(), 'blocked', 'Forbidden')`)
    const reachable = async () =>
      (await database.pool.query('SELECT chat_id FROM fleet.telegram_chats WHERE unreachable_since IS NULL')).rows
    await database.pool.query(`UPDATE companies SET notes = 'x' WHERE id = $1`, [company])
    expect(await reachable()).toEqual([])
    await database.pool.query(`UPDATE companies SET telegram_chat_id = '77' WHERE id = $1`, [company])
    expect(await reachable()).toEqual([{ chat_id: '77' }])
  })
})

describe('the wake-up', () => {
  const during = (act: () => Promise<unknown>) => heard(database, 'fleet_notifications', act)

  it('comes once for a channel and a transaction, however many rows and statements', async () => {
    const act = async () => {
      const client = await database.pool.connect()
      await client.query('BEGIN')
      for (const _ of [1, 2]) {
        await client.query(
          `INSERT INTO notifications (type) SELECT unnest(ARRAY['sms', 'system']) FROM generate_series(1, 500)`,
        )
      }
      await client.query('COMMIT')
      client.release()
    }
    expect((await during(act)).sort()).toEqual(['sms', 'system'])
  })

  it('names the channel of a row that is replayed, or comes before its time', async () => {
    const failed = await rows.insert({ type: 'sms', status: 'failed' })
    const later = await rows.insert({ type: 'telegram', scheduled_at: future })
    expect(await during(() => rows.put(failed, `status = 'pending'`))).toEqual(['sms'])
    expect(await during(() => rows.put(later, 'scheduled_at = NULL'))).toEqual(['telegram'])
  })

  it('says fallback where another channel is to be tried', async () => {
    expect(await during(() => rows.insert({ type: 'push' }))).toEqual(['fallback'])
    const id = await rows.insert({ type: 'sms' })
    expect(await during(() => rows.put(id, `status = 'failed'`))).toEqual(['fallback'])
  })

  it('does not come for what is not due, or not pending, or changes otherwise', async () => {
    const id = await rows.insert({ type: 'sms' })
    const act = async () => {
      await rows.insert({ type: 'sms', scheduled_at: future })
      await rows.insert({ type: 'sms', status: 'held' })
      await rows.put(id, `subject = 'x'`)
      await rows.put(id, `status = 'sending'`)
      await rows.put(id, `status = 'pending', due_at = '${future}'`)
      await rows.put(id, `status = 'cancelled'`)
    }
    expect(await during(act)).toEqual([])
  })

  it('can be turned off', async () => {
    const act = async () => {
      const session = new pg.Client(database.url)
      await session.connect()
      await session.query(`SET fleet.notify = off`)
      await session.query(`INSERT INTO notifications (type) VALUES ('sms'), ('push'), ('system')`)
      await session.query(`UPDATE notifications SET status = 'failed' WHERE type = 'sms'`)
      await session.query(`UPDATE notifications SET status = 'pending' WHERE type = 'sms'`)
      await session.end()
    }
    expect(await during(act)).toEqual([])
  })
})

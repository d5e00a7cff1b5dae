import { fork } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { SharedChats } from '../../src/telegram/shared-chats.ts'
import type { SendLimits } from '../../src/telegram/turn-store.ts'
import type { BotRequest } from '../support/bot-api-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { violationsOf } from '../support/send-limits.ts'
import { openChats, sendTo } from './turns.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  await database.pool.query(`
    TRUNCATE fleet.telegram_chats, notifications;
    DELETE FROM companies WHERE telegram_chat_id IS NOT NULL OR name = 'Vertex';
    UPDATE fleet.channels SET paused_until = NULL, strikes = 0, next_at = NULL, reason = NULL`)
})

const limits: SendLimits = { perSecond: 40, chatPerSecond: 1, chatBurst: 3, groupPerMinute: 20 }

/** As a worker is connected. */
function connect(given: Partial<SendLimits> = {}): SharedChats {
  const { chats, database: own } = openChats(database.workerUrl, { ...limits, ...given })
  onTestFinished(() => own.close())
  return chats
}

/** What a server that counts strictly would find fault with. */
function violations(sent: readonly BotRequest[], given: Partial<SendLimits> = {}): string[] {
  return violationsOf(sent, { ...limits, ...given, jitterMs: 0 })
}

function chatIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(1_000 + index))
}

async function setChat(chatId: string, assignment: string): Promise<void> {
  await database.pool.query(`UPDATE fleet.telegram_chats SET ${assignment} WHERE chat_id = $1`, [chatId])
}

describe('the turns of messages', () => {
  it('come at once while nobody else sends', async () => {
    const chats = connect()
    expect(await chats.take('7')).toEqual({ kind: 'go', chatId: '7' })
    const { rows } = await database.pool.query('SELECT chat_id, recent FROM fleet.telegram_chats')
    expect(rows).toEqual([{ chat_id: '7', recent: null }])
  })

  it('keep within every limit over several pools that send to the same chats', async () => {
    const pools = [connect(), connect(), connect()]
    const sent = await Promise.all(pools.flatMap((chats) => chatIds(15).map((chatId) => sendTo(chats, chatId, 2))))
    expect(sent.flat()).toHaveLength(90)
    expect(violations(sent.flat())).toEqual([])
  })

  it('keep within every limit over several processes', async () => {
    const processes = await Promise.all([1, 2, 3].map(() => sendFromProcess(chatIds(20), 2)))
    const sent = processes.flat()
    expect(sent).toHaveLength(120)
    expect(violations(sent)).toEqual([])
  })

  it('pass by a process that stood still, which does not send all that is late at once', async () => {
    const chats = connect()
    const sending = Promise.all(chatIds(70).map((chatId) => sendTo(chats, chatId, 1)))
    await expect.poll(takenTurns).toBeGreaterThan(30)
    standStill(700)
    expect(violations((await sending).flat())).toEqual([])
  })

  it('do not wait for times of before the clock was set back', async () => {
    const chats = connect()
    await sendTo(chats, '-5', 1)
    await setChat('-5', `next_at = now() + interval '1 h', recent = array_fill(now() + interval '1 h', ARRAY[20])`)
    await database.pool.query(`UPDATE fleet.channels SET next_at = now() + interval '1 h' WHERE name = 'telegram'`)
    expect(await sendTo(chats, '-5', 6)).toHaveLength(6)
    const { rows } = await database.pool.query(`
      SELECT cardinality(c.recent) AS recent, greatest(c.next_at, b.next_at) < now() + interval '1 min' AS soon
        FROM fleet.telegram_chats AS c, fleet.channels AS b WHERE c.chat_id = '-5' AND b.name = 'telegram'`)
    expect(rows).toEqual([{ recent: 6, soon: true }])
  })

  it('of a chat come three at once, then as its bucket fills', async () => {
    const sent = await sendTo(connect(), '5', 6)
    expect(violations(sent)).toEqual([])
    expect(violations(sent, { chatBurst: 2 })).not.toEqual([])
    expect(violations(sent, { chatPerSecond: 0.9 })).not.toEqual([])
  })

  it('of a chat that must wait are not taken from the others', async () => {
    const chats = connect()
    await sendTo(chats, '5', 3)
    const waiting = chats.take('5')
    const before = performance.now()
    await sendTo(chats, '6', 1)
    expect(performance.now() - before).toBeLessThan(700)
    expect(await waiting).toEqual({ kind: 'go', chatId: '5' })
  })
})

/** What a process of its own has sent, beside the others. */
async function sendFromProcess(chats: readonly string[], count: number): Promise<BotRequest[]> {
  const args = [database.workerUrl, JSON.stringify(limits), JSON.stringify(chats), String(count)]
  const sender = fork(new URL('./sender-process.ts', import.meta.url), args, { timeout: 50_000 })
  const [sent] = await once(sender, 'message')
  return sent
}

/** How many turns have been given out, so many that are to come included. */
async function takenTurns(): Promise<number> {
  const { rows } = await database.pool.query('SELECT FROM fleet.telegram_chats WHERE next_at IS NOT NULL')
  return rows.length
}

function standStill(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs)
}

describe('the limit of a group', () => {
  const fast = { chatBurst: 100, perSecond: 1_000 }

  it.each(['-1001234567890', '@vertex_news'])('lets twenty go within a minute to %s, and no more', async (chatId) => {
    const chats = connect(fast)
    await sendTo(chats, chatId, 20)
    const next = await chats.take(chatId)
    expect(next).toEqual({ kind: 'later', delayMs: expect.any(Number) })
    expect(next.kind === 'later' && next.delayMs).toBeGreaterThan(55_000)
    await setChat(chatId, `recent = ARRAY(SELECT t - interval '61 seconds' FROM unnest(recent) AS t)`)
    await sendTo(chats, chatId, 1)
    await sendTo(chats, chatId, 19)
    expect(await chats.take(chatId)).toMatchObject({ kind: 'later' })
  })

  it('counts each message until a minute after it', async () => {
    const chats = connect(fast)
    await sendTo(chats, '-5', 20)
    await setChat('-5', `recent[1:2] = ARRAY[recent[1] - interval '1 minute', recent[2] - interval '1 minute']`)
    await sendTo(chats, '-5', 2)
    expect(await chats.take('-5')).toMatchObject({ kind: 'later' })
  })

  it('holds no other chat up, and no person', async () => {
    const chats = connect(fast)
    await sendTo(chats, '-5', 20)
    expect((await sendTo(chats, '-6', 20)).length + (await sendTo(chats, '6', 25)).length).toBe(45)
  })

  it('is kept to by several pools at once', async () => {
    const pools = [connect(fast), connect(fast), connect(fast)]
    const turns = await Promise.all(pools.flatMap((chats) => Array.from({ length: 10 }, () => chats.take('-5'))))
    // Who wakes up too late for a turn asks for another one, which counts as well.
    const { rows } = await database.pool.query(
      `SELECT cardinality(recent) AS booked FROM fleet.telegram_chats WHERE chat_id = '-5'`,
    )
    expect(rows).toEqual([{ booked: 20 }])
    const went = turns.filter(({ kind }) => kind === 'go').length
    expect(went).toBeGreaterThan(0)
    expect(went).toBeLessThanOrEqual(20)
    expect(turns.filter(({ kind }) => kind === 'later')).toHaveLength(30 - went)
  })
})

describe('a pause of the bot', () => {
  it('holds every process, for the longest of what was asked for', async () => {
    const [one, another] = [connect(), connect()]
    await one.pause(30_000, 'Too Many Requests')
    await one.pause(3_000, 'Too Many Requests')
    const turn = await another.take('5')
    expect(turn.kind === 'later' && turn.delayMs).toBeGreaterThan(25_000)
  })

  it('that is short is waited for', async () => {
    const [one, another] = [connect(), connect()]
    await one.pause(800, 'Too Many Requests')
    const pausedAt = performance.now()
    expect(await another.take('5')).toEqual({ kind: 'go', chatId: '5' })
    expect(performance.now() - pausedAt).toBeGreaterThan(600)
  })

  it('takes back the turns that were given out before it', async () => {
    const [one, another] = [connect({ perSecond: 1 }), connect({ perSecond: 1 })]
    await one.take('1')
    const waiting = one.take('2')
    await expect.poll(takenTurns).toBe(2)
    await another.pause(60_000, 'Too Many Requests')
    expect(await waiting).toMatchObject({ kind: 'later' })
  })

  it('without an end is told as a long one', async () => {
    await database.pool.query(`UPDATE fleet.channels SET paused_until = 'infinity' WHERE name = 'telegram'`)
    const chats = connect()
    expect(await chats.take('5')).toEqual({ kind: 'later', delayMs: 3_600_000 })
  })
})

describe('an outage', () => {
  const endPause = () => database.pool.query('UPDATE fleet.channels SET paused_until = NULL')

  it('pauses for longer each time, up to a minute, and is over when something was sent', async () => {
    const [one, another] = [connect(), connect()]
    const lasted: number[] = []
    for (let strike = 0; strike < 8; strike += 1) {
      lasted.push(Math.round((await one.outage('Unauthorized')) / 1_000))
      await endPause()
    }
    expect(lasted).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
    expect(await another.take('5')).toMatchObject({ kind: 'go' })
    await another.passed()
    expect(Math.round((await one.outage('Unauthorized')) / 1_000)).toBe(1)
  })

  it('that many meet at once counts once', async () => {
    const pools = [connect(), connect()]
    await Promise.all(pools.flatMap((chats) => Array.from({ length: 4 }, () => chats.outage('Unauthorized'))))
    const { rows } = await database.pool.query(`SELECT strikes, reason FROM fleet.channels WHERE name = 'telegram'`)
    expect(rows).toEqual([{ strikes: 1, reason: 'Unauthorized' }])
  })
})

describe('a chat', () => {
  it('that cannot be reached says so to every process, until something comes from there', async () => {
    const [one, another] = [connect(), connect()]
    await one.unreachable('5', 'bot_blocked', 'Forbidden: bot was blocked by the user')
    await one.unreachable('5', 'chat_not_found', 'later, and of no account')
    const turn = { kind: 'unreachable', errorClass: 'bot_blocked', reason: 'Forbidden: bot was blocked by the user' }
    expect(await another.take('5')).toEqual(turn)
    await another.reachable('5')
    expect(await one.take('5')).toEqual({ kind: 'go', chatId: '5' })
  })

  it('with an id that can be none is never reached', async () => {
    expect(await connect().take('1'.repeat(101))).toMatchObject({ kind: 'unreachable', errorClass: 'chat_not_found' })
  })

  it('is reachable again when a company is given it anew', async () => {
    const chats = connect()
    await chats.unreachable('5', 'bot_blocked', 'Forbidden')
    await insertCompany('Vertex', '5')
    expect(await chats.take('5')).toMatchObject({ kind: 'unreachable' })
    await database.pool.query('UPDATE companies SET telegram_chat_id = NULL')
    await database.pool.query(`UPDATE companies SET telegram_chat_id = '5'`)
    expect(await chats.take('5')).toMatchObject({ kind: 'go' })
  })

  it('that has migrated is followed, over several moves, with its companies and what waits for them', async () => {
    const chats = connect()
    const companyId = await insertCompany('Vertex', ' -5 ')
    const other = await insertCompany('Other', '-55')
    await database.pool.query(
      `INSERT INTO notifications (company_id, type, message, event_data)
       VALUES ($1, 'telegram', 'm', '{}'), ($1, 'telegram', 'm', '{"chat_id": "-5"}')`,
      [companyId],
    )
    await chats.migrate('-5', '-1005')
    await chats.migrate('-5', '-1005')
    await chats.migrate('-1005', '-1006')
    expect(await chats.take('-5')).toEqual({ kind: 'go', chatId: '-1006' })
    expect(await chats.take('-1005')).toEqual({ kind: 'go', chatId: '-1006' })
    const companies = await database.pool.query(
      'SELECT id, telegram_chat_id FROM companies WHERE id = ANY ($1) ORDER BY id',
      [[companyId, other]],
    )
    expect(companies.rows).toEqual([
      { id: companyId, telegram_chat_id: '-1006' },
      { id: other, telegram_chat_id: '-55' },
    ])
    const waiting = await database.pool.query('SELECT recipient FROM notifications ORDER BY id')
    expect(waiting.rows).toEqual([{ recipient: '-1006' }, { recipient: '-5' }])
  })

  it('never leads in circles, whatever is told', async () => {
    const chats = connect()
    await chats.migrate('-5', '-6')
    await chats.migrate('-6', '-5')
    expect(await chats.take('-5')).toEqual({ kind: 'go', chatId: '-5' })
    expect(await chats.take('-6')).toEqual({ kind: 'go', chatId: '-5' })
  })

  it('may migrate while others send to it', async () => {
    const pools = [connect({ chatBurst: 100 }), connect({ chatBurst: 100 })]
    await insertCompany('Busy', '-7')
    const sending = pools.flatMap((chats) => Array.from({ length: 10 }, () => chats.take('-7')))
    await Promise.all([...pools.map((chats) => chats.migrate('-7', '-1007')), ...sending])
    expect(await pools[0]?.take('-7')).toMatchObject({ chatId: '-1007' })
  })
})

async function insertCompany(name: string, chatId: string): Promise<number> {
  const { rows } = await database.pool.query(
    'INSERT INTO companies (name, slug, telegram_chat_id) VALUES ($1::text, lower($1::text), $2) RETURNING id',
    [name, chatId],
  )
  return rows[0].id
}

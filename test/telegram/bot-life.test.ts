import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import { botAnswers, refusal } from '../support/bot-api-answers.ts'
import { type BotApiServer, startBotApiServer } from '../support/bot-api-server.ts'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { type BotOptions, message, startBot, type TestBot } from './bot-stage.ts'

let database: TestDatabase
let server: BotApiServer
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  await database.pool.query('TRUNCATE fleet.telegram_chats; UPDATE companies SET telegram_chat_id = NULL')
  server = await startBotApiServer()
  const own = server
  onTestFinished(() => own.stop())
})

function runBot(options: Partial<BotOptions> = {}): TestBot {
  const bot = startBot({ server, url: database.workerUrl, ...options })
  onTestFinished(() => bot.stop())
  return bot
}

const polls = () => server.requests.filter(({ method }) => method === 'getUpdates')

async function answersTo(text: string): Promise<void> {
  const before = server.taken.length
  server.push(message(text))
  await expect.poll(() => server.taken.length).toBeGreaterThan(before)
}

async function lockHolders(): Promise<number[]> {
  const { rows } = await database.pool.query(`
    SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = 'fleet telegram bot' AND a.datname = current_database()`)
  return rows.map(({ pid }) => pid)
}

/** A database that can be stopped without the others. */
async function createTestDatabaseOn(cluster: TestCluster): Promise<TestDatabase> {
  const empty = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(empty.db)
  await empty.close()
  return empty
}

function count(bot: TestBot, text: string): number {
  return bot.lines.filter((line) => line.includes(text)).length
}

/** One that stops may tell Telegram what it has handled before Telegram knows that its long poll has ended: nobody hears of that conflict. */
function conflictsHeardOf(bots: readonly TestBot[]): number {
  return bots.reduce((sum, bot) => sum + count(bot, 'another program polls'), 0)
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await act()
  return performance.now() - startedAt
}

describe('of several processes', () => {
  it('one polls, and another goes on when it stops', async () => {
    const bots = [runBot(), runBot(), runBot()]
    await answersTo('/status')
    const leads = (bot: TestBot) => count(bot, 'answers those who write') > 0
    expect(bots.filter(leads)).toHaveLength(1)
    await bots.find(leads)?.stop()
    await answersTo('/status')
    expect(bots.filter(leads)).toHaveLength(2)
    expect(conflictsHeardOf(bots)).toBe(0)
  })

  it('one that is blocked neither polls nor keeps another from it', async () => {
    let blocked = true
    const bot = runBot({ isBlocked: () => blocked })
    const other = runBot()
    await answersTo('/status')
    const leads = (one: TestBot) => count(one, 'answers those who write') > 0
    expect([leads(bot), leads(other)]).toEqual([false, true])
    await other.stop()
    blocked = false
    await answersTo('/status')
    blocked = true
    const next = runBot()
    await expect.poll(() => leads(next)).toBe(true)
    expect(conflictsHeardOf([bot, other, next])).toBe(0)
  })

  it('one goes on when the connection of the other is cut, which stops at once', async () => {
    const bots = [runBot(), runBot()]
    await answersTo('/status')
    for (const [pid] of [await lockHolders()]) await database.pool.query('SELECT pg_terminate_backend($1)', [pid])
    await answersTo('/status')
    expect(await lockHolders()).toHaveLength(1)
    expect(conflictsHeardOf(bots)).toBe(0)
    expect(bots.reduce((sum, bot) => sum + count(bot, 'the database is out of reach'), 0)).toBe(1)
  })

  it('one whose connection has fallen silent stops polling by itself', async () => {
    const proxy = await startTcpProxy(Number(new URL(database.url).port))
    onTestFinished(() => proxy.stop())
    const directUrl = new URL(database.workerUrl)
    directUrl.port = String(proxy.port)
    const bot = runBot({ directUrl: directUrl.href })
    await answersTo('/status')
    proxy.goSilent()
    await expect.poll(() => count(bot, 'the database is out of reach')).toBe(1)
    const before = polls().length
    server.push(message('/status'))
    expect(await timed(() => bot.stop())).toBeLessThan(5_000)
    expect(polls()).toHaveLength(before)
  })
})

describe('stopping', () => {
  it('ends a long poll promptly, and tells Telegram what was handled', async () => {
    const bot = runBot()
    await answersTo('/status')
    await expect.poll(() => polls().length).toBe(2)
    expect(await timed(() => bot.stop())).toBeLessThan(5_000)
    expect(await lockHolders()).toEqual([])
    const again = runBot()
    await answersTo('/stop')
    await again.stop()
    expect(server.taken).toHaveLength(2)
  })

  it('confirms an update that was handled right before it', async () => {
    let answered = (): void => {}
    const stopped = new Promise<void>((resolve) => {
      answered = resolve
    })
    const bot = runBot()
    server.follow(async ({ method }) => {
      if (method === 'sendMessage') answered()
      return undefined
    })
    server.push(message('/status'))
    await stopped
    await bot.stop()
    runBot()
    await answersTo('/stop')
    expect(server.taken.map(({ payload }) => payload.chat_id)).toHaveLength(2)
  })

  it('does not wait for a Bot API that never answers', async () => {
    server.follow(({ method }) => (method === 'sendMessage' ? botAnswers.silenceBefore : undefined))
    const bot = runBot()
    server.push(message('/status'))
    await expect.poll(() => server.requests.filter(({ method }) => method === 'sendMessage').length).toBe(1)
    expect(await timed(() => bot.stop())).toBeLessThan(5_000)
  })

  it('is prompt while the database is out of reach, and before anything has begun', async () => {
    const bot = runBot({ url: 'postgres://nobody@127.0.0.1:1/none' })
    await expect.poll(() => count(bot, 'the database is out of reach')).toBe(1)
    expect(await timed(() => bot.stop())).toBeLessThan(5_000)
    expect(await timed(() => runBot().stop())).toBeLessThan(5_000)
  })
})

describe('trouble', () => {
  it.each([
    ['a conflict', refusal(409, 'Conflict: terminated by other getUpdates request'), 'another program polls for it'],
    ['a wrong token', botAnswers.wrongToken, 'its token is refused'],
    ['a server error', botAnswers.serverError, 'Telegram cannot be asked'],
    ['a proxy page', botAnswers.proxyPage, 'Telegram cannot be asked'],
    ['a cut connection', botAnswers.resetBefore, 'Telegram cannot be asked'],
  ])('of %s is said once while it lasts, and is got over', async (_, answer, words) => {
    let asked = 0
    server.follow(({ method }) => {
      if (method !== 'getUpdates') return undefined
      asked += 1
      return answer
    })
    const bot = runBot()
    await expect.poll(() => asked).toBeGreaterThan(1)
    expect(count(bot, words)).toBe(1)
    expect(bot.lines.join('')).not.toContain(server.token)
    server.follow()
    await answersTo('/status')
    await expect.poll(() => count(bot, 'answers those who write')).toBe(1)
  })

  it('of a Bot API that is not there yet is got over', async () => {
    const { port, token } = server
    await server.stop()
    const bot = runBot()
    await expect.poll(() => count(bot, 'Telegram cannot be asked')).toBe(1)
    server = await startBotApiServer({ port })
    const own = server
    onTestFinished(() => own.stop())
    expect(own.token).toBe(token)
    await answersTo('/status')
  })

  it('of the database leaves the updates for later', async () => {
    const own = await startCluster()
    onTestFinished(() => own.remove())
    const lost = await createTestDatabaseOn(own)
    const bot = runBot({ url: lost.url, directUrl: database.workerUrl })
    await answersTo('/status')
    await own.stop()
    server.push(message('/status'))
    await expect.poll(() => count(bot, 'the database is out of reach')).toBe(1)
    expect(server.taken).toHaveLength(1)
    await own.start()
    await expect.poll(() => server.taken.length).toBe(2)
    await bot.stop()
  })

  it.each([
    ['blocked it', botAnswers.blocked, 'bot_blocked'],
    ['removed it', botAnswers.kicked, 'bot_kicked'],
  ])('of an answer to somebody who has %s is remembered', async (_, answer, unreachableClass) => {
    server.follow(({ method }) => (method === 'sendMessage' ? answer : undefined))
    runBot()
    server.push(message('/status'))
    await expect
      .poll(async () => (await database.pool.query('SELECT unreachable_class FROM fleet.telegram_chats')).rows)
      .toEqual([{ unreachable_class: unreachableClass }])
  })

  it('of too many requests makes the answer wait, not fail', async () => {
    let refused = false
    server.follow(({ method }) => {
      if (method !== 'sendMessage' || refused) return undefined
      refused = true
      return botAnswers.throttled(1)
    })
    runBot()
    await answersTo('/status')
    const [first, second] = server.requests.filter(({ method }) => method === 'sendMessage')
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(900)
  })
})

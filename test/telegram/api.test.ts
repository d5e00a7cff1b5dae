import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { inspect } from 'node:util'
import { Bot } from 'grammy'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  botClientOptions,
  createTelegramApi,
  type TelegramApi,
  type TelegramResult,
  telegramFault,
} from '../../src/telegram/api.ts'
import { localhostCertificate } from '../fixtures/localhost-certificate.ts'
import { type BotAnswer, botAnswers } from '../support/bot-api-answers.ts'
import { type BotApiServer, startBotApiServer } from '../support/bot-api-server.ts'

let server: BotApiServer
let api: TelegramApi

beforeEach(async () => {
  server = await startBotApiServer()
  api = createTelegramApi(server)
})

afterEach(async () => {
  api.close()
  await server.stop()
})

const yes = async () => true

function send(mayWrite = yes, through = api): Promise<TelegramResult<{ message_id: number }>> {
  return through.call((methods) => methods.sendMessage({ chat_id: 5, text: 'Hello' }), mayWrite)
}

/** Listens until the test ends. */
async function portOf(listener: Server): Promise<number> {
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void listener.close())
  return (listener.address() as AddressInfo).port
}

test('a call comes to its result', async () => {
  expect(await send()).toMatchObject({ ok: true, result: { message_id: 1 } })
  expect(server.taken).toHaveLength(1)
})

test('one connection serves call after call', async () => {
  for (let calls = 0; calls < 3; calls += 1) await send()
  expect(server.connections).toBe(1)
})

test('the destination is the host alone', () => {
  expect(api.destination).toBe(`127.0.0.1:${server.port}`)
  expect(createTelegramApi({ token: '1:a', apiRoot: 'https://api.telegram.org' }).destination).toBe('api.telegram.org')
})

test.each<[string, BotAnswer, object]>([
  [
    'a refusal',
    botAnswers.blocked,
    { kind: 'refused', code: 403, description: 'Forbidden: bot was blocked by the user' },
  ],
  ['a 429', botAnswers.throttled(7), { kind: 'refused', code: 429, retryAfterSeconds: 7 }],
  ['a migrated group', botAnswers.migrated(-1002), { kind: 'refused', code: 400, migratedTo: '-1002' }],
  ['an error of Telegram', botAnswers.serverError, { kind: 'refused', code: 500 }],
  [
    'an error page of a proxy',
    botAnswers.proxyError,
    { kind: 'turned_away', code: 502, description: 'not an answer of the Bot API (HTTP 502): 502 Bad Gateway' },
  ],
  ['a gateway that has waited in vain', { status: 504, body: '<h1>504</h1>' }, { kind: 'lost', code: 504 }],
  ['JSON that is not of the Bot API', { status: 403, body: { error: 'no' } }, { kind: 'turned_away', code: 403 }],
  ['a page where JSON is due', botAnswers.proxyPage, { kind: 'lost', code: 200 }],
  ['an answer that breaks off', botAnswers.brokenJson, { kind: 'lost', code: 200 }],
  ['an empty answer', { status: 200, body: '' }, { kind: 'lost', code: 200 }],
  ['a connection cut before the message is taken', botAnswers.resetBefore, { kind: 'lost' }],
  ['a connection cut after the message is taken', botAnswers.resetAfter, { kind: 'lost' }],
])('%s becomes a fault', async (_what, answer, fault) => {
  server.follow(() => answer)
  expect(await send()).toMatchObject({ ok: false, fault })
})

test('a wrong token is refused', async () => {
  const other = createTelegramApi({ token: '1:other', apiRoot: server.apiRoot })
  expect(await send(yes, other)).toMatchObject({ ok: false, fault: { kind: 'refused', code: 401 } })
})

describe('the permission to write', () => {
  test('is not asked for while nobody answers the connection', async () => {
    await server.stop()
    const mayWrite = vi.fn(yes)
    expect(await send(mayWrite)).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
    expect(mayWrite).not.toHaveBeenCalled()
    server = await startBotApiServer()
  })

  test('is asked for over a secure connection, where the certificate is trusted', async () => {
    const safe = await startBotApiServer({ secure: localhostCertificate })
    onTestFinished(() => safe.stop())
    const secure = createTelegramApi(safe)
    const mayWrite = vi.fn(yes)
    expect(await send(mayWrite, secure)).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
    expect(mayWrite).not.toHaveBeenCalled()
    const usual = getCACertificates()
    onTestFinished(() => setDefaultCACertificates(usual))
    setDefaultCACertificates([...usual, localhostCertificate.cert])
    for (let calls = 0; calls < 3; calls += 1) expect(await send(mayWrite, secure)).toMatchObject({ ok: true })
    expect(mayWrite).toHaveBeenCalledTimes(3)
    expect(safe.connections).toBe(2)
  })

  test('is not asked for where no secure connection comes about', async () => {
    const secure = createTelegramApi({ ...server, apiRoot: server.apiRoot.replace('http:', 'https:') })
    const mayWrite = vi.fn(yes)
    expect(await send(mayWrite, secure)).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
    expect(mayWrite).not.toHaveBeenCalled()
  })

  test('is asked for before a single byte is written', async () => {
    const received: unknown[] = []
    const listener = createServer((socket) => socket.on('data', (data) => received.push(data)))
    const apiRoot = `http://127.0.0.1:${await portOf(listener)}`
    const silent = createTelegramApi({ ...server, apiRoot })
    const connected = once(listener, 'connection')
    const answer = await send(async () => {
      const [socket] = await connected
      expect(socket.bytesRead).toBe(0)
      return false
    }, silent)
    expect(answer).toMatchObject({ ok: false, fault: { kind: 'withdrawn' } })
    expect(received).toEqual([])
  })

  test('that cannot be had is none', async () => {
    const answer = await send(() => Promise.reject(new Error('no database')))
    expect(answer).toMatchObject({ ok: false, fault: { kind: 'withdrawn' } })
    expect(server.requests).toEqual([])
  })

  test('is asked for once more when the kept connection has been closed meanwhile', async () => {
    await send()
    const mayWrite = vi.fn(yes).mockImplementationOnce(() => {
      server.cut()
      return new Promise(() => {})
    })
    expect(await send(mayWrite)).toMatchObject({ ok: true })
    expect(mayWrite).toHaveBeenCalledTimes(2)
    expect(server.taken).toHaveLength(2)
    expect(server.connections).toBe(2)
  })
})

describe("grammY's own bot", () => {
  test('polls over the same way', async () => {
    const bot = new Bot(server.token, { client: botClientOptions(server.apiRoot) })
    const heard = new Promise((resolve) => bot.on('message', (context) => resolve(context.message.text)))
    const polling = bot.start({ timeout: 20 })
    server.push({ message: { message_id: 1, date: 0, chat: { id: 5, type: 'private' }, text: 'Hello' } })
    expect(await heard).toBe('Hello')
    await bot.stop()
    await polling
  })

  test('throws errors without the token, which become faults', async () => {
    const { api: methods } = new Bot(server.token, { client: botClientOptions(server.apiRoot) })
    await server.stop()
    const error = await methods.getMe().catch((caught: unknown) => caught)
    server = await startBotApiServer()
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(server.token)
    expect(telegramFault(error, server.token)).toMatchObject({ kind: 'unreachable' })
  })
})

describe('who is silent', () => {
  const limits = { connectMs: 10_000, answerMs: 10_000 }

  test('instead of answering is left, and the answer is lost', async () => {
    server.follow(() => botAnswers.silenceAfter)
    const hasty = createTelegramApi({ ...server, limits: { ...limits, answerMs: 50 } })
    expect(await send(yes, hasty)).toMatchObject({
      ok: false,
      fault: { kind: 'lost', description: 'It took too long to answer' },
    })
  })

  test('in the middle of an answer is left, and the answer is lost', async () => {
    const listener = createServer((socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{')),
    )
    const apiRoot = `http://127.0.0.1:${await portOf(listener)}`
    const hasty = createTelegramApi({ ...server, apiRoot, limits: { ...limits, answerMs: 50 } })
    expect(await send(yes, hasty)).toMatchObject({ ok: false, fault: { kind: 'lost' } })
    hasty.close()
  })

  test('while a secure connection is to be made is left, and nothing was written', async () => {
    const apiRoot = `https://127.0.0.1:${await portOf(createServer((socket) => socket.resume()))}`
    const hasty = createTelegramApi({ ...server, apiRoot, limits: { ...limits, connectMs: 50 } })
    const mayWrite = vi.fn(yes)
    expect(await send(mayWrite, hasty)).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
    expect(mayWrite).not.toHaveBeenCalled()
  })
})

test('closing ends a call that waits for its answer', async () => {
  server.follow(() => botAnswers.silenceAfter)
  const answer = send()
  await expect.poll(() => server.requests.length).toBe(1)
  api.close()
  expect(await answer).toMatchObject({ ok: false, fault: { kind: 'lost' } })
})

test('nothing is written after closing', async () => {
  api.close()
  expect(await send()).toMatchObject({ ok: false, fault: { kind: 'withdrawn' } })
  expect(server.requests).toEqual([])
})

test.each(Object.entries(botAnswers).filter(([name]) => !name.startsWith('silence')))(
  'nothing of the answer "%s" shows the token, though the server repeats it',
  async (_name, answer) => {
    const decided = typeof answer === 'function' ? answer(5) : answer
    const echo = ` in /bot${server.token}/sendMessage`
    server.follow(() => {
      if ('act' in decided || typeof decided.body !== 'object') return decided
      return { ...decided, body: { ...decided.body, description: `${JSON.stringify(decided.body)}${echo}` } }
    })
    const result = await send()
    const shown = `${JSON.stringify(result)}${inspect(result, { depth: 20, showHidden: true })}${inspect(api, { depth: 20 })}`
    expect(result.ok).toBe(false)
    expect(shown).not.toContain(server.token)
  },
)

import { Api } from 'grammy'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { botAnswers } from '../../support/bot-api-answers.ts'
import { type BotApiServer, startBotApiServer } from '../../support/bot-api-server.ts'
import { violationsOf } from '../../support/send-limits.ts'

let server: BotApiServer
let api: Api

beforeEach(async () => {
  server = await startBotApiServer()
  api = new Api(server.token, { apiRoot: server.apiRoot })
})

afterEach(() => server.stop())

test('the server keeps each call and counts each message that it takes', async () => {
  await api.sendMessage(5, '<b>Hello</b>', { parse_mode: 'HTML' })
  await api.sendMessage(5, 'again')
  await api.sendMessage(5, 'again')
  expect(await api.getMe()).toMatchObject({ is_bot: true })
  expect(server.requests.map(({ method }) => method)).toEqual(['sendMessage', 'sendMessage', 'sendMessage', 'getMe'])
  expect(server.deliveries.get('5')).toEqual(
    new Map([
      ['<b>Hello</b>', 1],
      ['again', 2],
    ]),
  )
})

test('the server takes forms as well as JSON', async () => {
  const body = new URLSearchParams({ chat_id: '5', text: 'Hello' })
  const response = await fetch(`${server.apiRoot}/bot${server.token}/sendMessage`, { method: 'POST', body })
  expect(await response.json()).toMatchObject({ ok: true, result: { text: 'Hello' } })
  expect(server.taken).toMatchObject([{ chatId: '5', payload: { text: 'Hello' } }])
})

test('the server turns away another token', async () => {
  const other = new Api('1:other', { apiRoot: server.apiRoot })
  await expect(other.getMe()).rejects.toMatchObject({ error_code: 401 })
})

test.each([
  ['an unknown tag', '<x>a</x>', "can't parse entities: Unsupported start tag"],
  ['a tag left open', '<b>a', "can't parse entities: Can't find end tag"],
  ['crossed tags', '<b><i>a</b></i>', "can't parse entities: Unmatched end tag"],
  ['a bare <', 'a < b', "can't parse entities: Unclosed start tag"],
  ['nothing to read', '<b></b>', 'message text is empty'],
  ['one character too many', 'ё'.repeat(4_097), 'message is too long'],
])('the server refuses %s', async (_what, text, description) => {
  await expect(api.sendMessage(5, text, { parse_mode: 'HTML' })).rejects.toMatchObject({
    error_code: 400,
    description: expect.stringContaining(description),
  })
  expect(server.taken).toEqual([])
})

test('the server counts characters without tags and entities', async () => {
  await api.sendMessage(5, `<b>${'&amp;'.repeat(4_096)}</b>`, { parse_mode: 'HTML' })
  expect(server.taken).toHaveLength(1)
})

test('a script decides what becomes of a call, and a message counts as taken although its answer is lost', async () => {
  server.follow(({ chatId }) => (chatId === '5' ? botAnswers.resetAfter : undefined))
  await expect(api.sendMessage(5, 'lost')).rejects.toThrow('sendMessage')
  await api.sendMessage(6, 'answered')
  server.follow(({ chatId }) => (chatId === '5' ? botAnswers.throttled(3) : undefined))
  await expect(api.sendMessage(5, 'too fast')).rejects.toMatchObject({
    error_code: 429,
    parameters: { retry_after: 3 },
  })
  expect(server.taken.map(({ payload }) => payload.text)).toEqual(['lost', 'answered'])
})

test('a poller gets what is pushed while it waits, and again until it confirms', async () => {
  const polled = api.getUpdates({ timeout: 20 })
  await expect.poll(() => server.requests.length).toBe(1)
  server.push({ message: { text: '/start' } })
  const [update] = await polled
  expect(update).toMatchObject({ message: { text: '/start' } })
  expect(await api.getUpdates()).toEqual([update])
  expect(await api.getUpdates({ offset: (update?.update_id ?? 0) + 1 })).toEqual([])
})

test('of two pollers the older one is turned away', async () => {
  const older = expect(api.getUpdates({ timeout: 20 })).rejects.toMatchObject({ error_code: 409 })
  await expect.poll(() => server.requests.length).toBe(1)
  const newer = api.getUpdates({ timeout: 20 })
  await older
  server.push({ message: { text: 'hi' } })
  expect(await newer).toHaveLength(1)
  expect(server.conflicts).toBe(1)
})

test.each([
  ['a burst and then one a second', '5', [0, 0, 0, 1_000, 2_000], 0],
  ['a fourth message at once', '5', [0, 0, 0, 900], 1],
  ['21 messages to a group within a minute', '-5', Array.from({ length: 21 }, (_, index) => index * 2_900), 1],
  ['20 messages to a group a minute', '-5', Array.from({ length: 21 }, (_, index) => index * 3_000), 0],
  ['31 messages of the bot within a second', undefined, Array.from({ length: 31 }, (_, index) => index * 32), 1],
])('%s is judged by the limits', (_what, chatId, times, violations) => {
  const requests = times.map((at, index) => ({ method: 'sendMessage', payload: {}, chatId: chatId ?? `${index}`, at }))
  const limits = { perSecond: 30, chatPerSecond: 1, chatBurst: 3, groupPerMinute: 20, jitterMs: 0 }
  expect(violationsOf(requests, limits)).toHaveLength(violations)
})

import { inspect } from 'node:util'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { channelPause } from '../../../src/notifications/channel-pause-store.ts'
import { telegramChannel } from '../../../src/notifications/channels/telegram/channel.ts'
import { SharedChats } from '../../../src/telegram/shared-chats.ts'
import { type BotApiServer, startBotApiServer } from '../../support/bot-api-server.ts'
import { setNotifications } from '../notifications.ts'
import { type Aside, type MatrixEntry, telegramMatrix } from './matrix.ts'

const notifications = setNotifications()
const limits = { perSecond: 1_000, chatPerSecond: 1_000, chatBurst: 10, groupPerMinute: 1_000 }
const log = pino({ enabled: false })
let server: BotApiServer

beforeEach(async () => {
  server = await startBotApiServer()
  await notifications.query(`
    TRUNCATE fleet.telegram_chats;
    UPDATE fleet.channels SET paused_until = NULL, reason = NULL, strikes = 0, next_at = NULL;
    UPDATE companies SET telegram_chat_id = '5' WHERE id = 1`)
})

afterEach(() => server.stop())

function start({ circumstance }: MatrixEntry) {
  const { database } = notifications
  const chats = new SharedChats({ database, limits, pause: channelPause(database, 'telegram'), log })
  const botToken = circumstance === 'no token' ? undefined : server.token
  const telegram = telegramChannel({ botToken, apiRoot: server.apiRoot, outbox: '/nowhere', chats, log })
  return notifications.start({ ways: { telegram }, closeWays: () => telegram.close(), shutdownSeconds: 0.05 })
}

async function play(entry: MatrixEntry): Promise<void> {
  const { exchange, circumstance, notice = {} } = entry
  server.follow(exchange)
  if (circumstance === 'nobody listens') await server.stop()
  if (circumstance === 'the chat is known to be unreachable') {
    await notifications.query(`
      INSERT INTO fleet.telegram_chats (chat_id, unreachable_since, unreachable_class, unreachable_reason)
      VALUES ('5', now(), 'bot_blocked', 'The user has blocked the bot')`)
  }
  const { recipient, subject, message, data } = notice
  await notifications.insert({
    ...(recipient === null && { company_id: null }),
    ...(subject !== undefined && { subject }),
    ...(message !== undefined && { message }),
    ...(data && { event_data: data }),
  })
  const drains = start(entry)
  if (circumstance !== 'the worker stops while it waits') return
  await expect.poll(() => server.requests.length).toBe(1)
  await drains.stop()
}

/** What the database says of the bot and its chats. */
async function known() {
  const [channel] = await notifications.query(`
    SELECT strikes, extract(epoch FROM paused_until - now())::float8 AS paused FROM fleet.channels WHERE name = 'telegram'`)
  const [chat] = await notifications.query(`SELECT * FROM fleet.telegram_chats WHERE chat_id = '5'`)
  return { paused: Number(channel?.paused ?? 0), strikes: channel?.strikes, chat }
}

test.each(telegramMatrix)('$answer: the row is $status', async (entry) => {
  await play(entry)
  const ledger = () => notifications.query('SELECT * FROM fleet.notification_attempts')
  await expect.poll(async () => (await ledger()).length).toBe(1)
  const [attempt] = await ledger()
  const [row] = await notifications.rows()
  const is = (aside: Aside): boolean => entry.also.includes(aside)
  const { paused, strikes, chat } = await known()

  expect(attempt).toMatchObject({ outcome: entry.outcome, error_class: entry.errorClass ?? null, attempt: 1 })
  expect(row).toMatchObject({
    status: entry.status,
    error_class: entry.errorClass ?? null,
    attempts: is('the attempt is given back') ? 0 : 1,
    telegram_sent: entry.status === 'sent',
    telegram_error: entry.status === 'sent' ? null : row?.last_error,
    recipient: is('the new chat id is stored')
      ? '-1001234'
      : (entry.notice?.recipient ?? (row?.company_id ? '5' : null)),
    parts: entry.status === 'sent' ? { sent: [{ message_id: 1 }] } : null,
    needs_fallback: entry.status === 'failed' || entry.status === 'skipped',
  })
  expect(chat?.unreachable_class ?? null).toBe(
    is('the chat is marked as unreachable') || entry.errorClass === 'chat_unreachable'
      ? entry.circumstance
        ? 'bot_blocked'
        : entry.errorClass
      : null,
  )
  expect(chat?.migrated_to ?? null).toBe(is('the new chat id is stored') ? '-1001234' : null)
  expect(strikes).toBe(is('the whole bot pauses, longer each time') ? 1 : 0)
  expect(paused > 0).toBe(entry.also.some((aside) => aside.startsWith('the whole bot pauses')))
  if (is('the whole bot pauses for as long as Telegram says')) expect(paused).toBeLessThanOrEqual(7)
  expect(inspect({ attempt, row, chat }, { depth: 10 })).not.toContain(server.token)
})

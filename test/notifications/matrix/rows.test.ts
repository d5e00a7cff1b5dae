import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { channelPause } from '../../../src/notifications/channel-pause-store.ts'
import { smsChannel } from '../../../src/notifications/channels/sms/sms-channel.ts'
import { telegramChannel } from '../../../src/notifications/channels/telegram/channel.ts'
import { SharedChats } from '../../../src/telegram/shared-chats.ts'
import { type BotApiServer, startBotApiServer } from '../../support/bot-api-server.ts'
import { setNotifications } from '../notifications.ts'
import { driverFor, rootFor } from '../sms/cell-driver.ts'
import { smsMatrix } from '../sms/matrix.ts'
import { type ScriptedServer, startScriptedServer } from '../sms/scripted-server.ts'
import { type MatrixEntry, telegramMatrix } from '../telegram/matrix.ts'
import { mailMatrix } from './mail-cells.ts'

const scene = setNotifications()
const { start, insert, query, rows } = scene
const log = pino({ level: 'silent' })
const limits = { perSecond: 1_000, chatPerSecond: 1_000, chatBurst: 100, groupPerMinute: 1_000 }

beforeEach(async () => {
  await query('UPDATE fleet.channels SET paused_until = NULL, strikes = 0, reason = NULL')
  await query('TRUNCATE fleet.telegram_chats')
})

/** What is in the database of the only row, when its attempt has been recorded. */
async function recorded(): Promise<Record<string, unknown>> {
  const entry = () =>
    query(`SELECT outcome, error_class, handed_over_at IS NOT NULL AS handed_over FROM fleet.notification_attempts`)
  await expect.poll(entry).toHaveLength(1)
  const [attempt] = await entry()
  const [row] = await rows()
  const marks = await query('SELECT * FROM fleet.notification_handovers')
  return { ...attempt, status: row?.status, class: row?.error_class, attempts: row?.attempts, marks: marks.length }
}

function expectedOf(cell: {
  readonly outcome: string
  readonly errorClass?: string | null
  readonly status: string
  readonly isGivenBack: boolean
}) {
  const errorClass = cell.errorClass ?? null
  return {
    outcome: cell.outcome,
    error_class: errorClass,
    status: cell.status,
    class: errorClass,
    attempts: cell.isGivenBack ? 0 : 1,
    marks: 0,
  }
}

describe('Telegram', () => {
  let server: BotApiServer
  beforeAll(async () => {
    server = await startBotApiServer()
  })
  afterAll(() => server.stop())

  function channelFor({ circumstance, exchange }: MatrixEntry) {
    server.follow(exchange ?? (() => undefined))
    const chats = new SharedChats({
      database: scene.database,
      limits,
      pause: channelPause(scene.database, 'telegram'),
      log,
    })
    const channel = telegramChannel({
      botToken: circumstance === 'no token' ? undefined : server.token,
      apiRoot: circumstance === 'nobody listens' ? 'http://127.0.0.1:1' : server.apiRoot,
      outbox: '/nowhere',
      chats,
      log,
    })
    onTestFinished(() => channel.close())
    return { channel, chats }
  }

  test.each(telegramMatrix)('$answer: the row says $status $errorClass', async (entry) => {
    const { channel, chats } = channelFor(entry)
    if (entry.circumstance === 'the chat is known to be unreachable')
      await chats.unreachable('7001', 'bot_blocked', 'no')
    const asked = server.requests.length
    const drains = start({ ways: { telegram: channel }, closeWays: () => channel.close(), shutdownSeconds: 1 })
    const { notice } = entry
    await insert({
      ...(notice?.recipient === null && { company_id: null }),
      ...(notice?.subject === null && { subject: null, message: null }),
      ...(notice?.data && { event_data: notice.data }),
    })
    if (entry.circumstance === 'the worker stops while it waits') {
      await expect.poll(() => server.requests.length).toBe(asked + 1)
      await drains.stop()
    }
    const isGivenBack = entry.also.includes('the attempt is given back')
    expect(await recorded()).toMatchObject(expectedOf({ ...entry, isGivenBack }))

    const isSent = entry.status === 'sent'
    expect(await rows()).toMatchObject([
      {
        telegram_sent: isSent,
        telegram_sent_at: isSent ? expect.any(Date) : null,
        telegram_error: isSent ? null : expect.any(String),
        needs_fallback: entry.status === 'failed' || entry.status === 'skipped',
        recipient: entry.also.includes('the new chat id is stored')
          ? '-1001234'
          : notice?.recipient === null
            ? null
            : '7001',
      },
    ])
    const [told] = await query(`
      SELECT (SELECT paused_until > now() FROM fleet.channels WHERE name = 'telegram') IS TRUE AS paused,
             EXISTS (SELECT FROM fleet.telegram_chats WHERE chat_id = '7001' AND unreachable_since IS NOT NULL) AS unreachable,
             (SELECT telegram_chat_id FROM companies WHERE id = 1) AS chat`)
    expect(told).toEqual({
      paused: entry.also.some((aside) => aside.startsWith('the whole bot pauses')),
      unreachable: entry.also.includes('the chat is marked as unreachable') || entry.errorClass === 'chat_unreachable',
      chat: entry.also.includes('the new chat id is stored') ? '-1001234' : '7001',
    })
    await query(`UPDATE companies SET telegram_chat_id = '7001' WHERE id = 1`)
  })
})

describe('SMS', () => {
  let server: ScriptedServer
  beforeAll(async () => {
    server = await startScriptedServer()
  })
  afterAll(() => server.close())

  test.each(smsMatrix)('$channel: $answer: the row says $status $errorClass', async (cell) => {
    const driver = cell.driver === 'none' ? undefined : driverFor(cell, await rootFor(cell, server))
    const channel = smsChannel({ driver, pause: channelPause(scene.database, 'sms'), log })
    onTestFinished(() => channel.close())
    start({ ways: { sms: channel } })
    await insert({
      type: 'sms',
      ...(cell.recipient === null && { company_id: null }),
      ...(cell.recipient && { event_data: { phone: cell.recipient } }),
      ...(cell.subject === null && { subject: null, message: null }),
    })
    const isGivenBack = cell.outcome === 'outage' || cell.outcome === 'throttled'
    expect(await recorded()).toMatchObject(expectedOf({ ...cell, isGivenBack }))
    const paused = await query(
      `SELECT paused_until > now() AS paused FROM fleet.channels WHERE name = 'sms' AND paused_until > now()`,
    )
    expect(paused).toHaveLength(cell.pauseMs === undefined ? 0 : 1)
  })
})

describe('e-mail', () => {
  test.each(mailMatrix)('$answer: the row says $status', async (cell) => {
    start()
    await insert({ type: 'email' })
    await expect.poll(async () => (await scene.mails()).length).toBe(1)
    await query(cell.change)
    expect(await rows()).toMatchObject([
      {
        status: cell.status,
        error_class: cell.errorClass,
        email_sent: cell.emailSent,
        email_error: cell.errorClass === null ? null : expect.any(String),
        needs_fallback: cell.status === 'failed',
      },
    ])
  })

  test('nobody to write to: the row says skipped', async () => {
    start()
    await insert({ type: 'email', company_id: null })
    expect(await recorded()).toMatchObject({ outcome: 'skipped', error_class: 'no_recipient', status: 'skipped' })
  })
})

test('what is told in the application: the row says sent', async () => {
  start()
  await insert({ type: 'system' })
  expect(await recorded()).toMatchObject({ outcome: 'sent', status: 'sent' })
})

test('no such channel: the row says skipped', async () => {
  await insert({ type: 'pigeon' })
  expect(await rows()).toMatchObject([{ status: 'skipped', error_class: 'unknown_channel', needs_fallback: true }])
})

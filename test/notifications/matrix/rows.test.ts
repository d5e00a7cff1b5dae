import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { ChannelPause } from '../../../src/notifications/channel-pause.ts'
import { channelPause } from '../../../src/notifications/channel-pause-store.ts'
import { smsChannel } from '../../../src/notifications/channels/sms/sms-channel.ts'
import { setNotifications } from '../notifications.ts'
import { driverFor, rootFor } from '../sms/cell-driver.ts'
import { smsMatrix } from '../sms/matrix.ts'
import { type ScriptedServer, startScriptedServer } from '../sms/scripted-server.ts'
import { mailMatrix } from './mail-cells.ts'

const scene = setNotifications()
const { start, insert, query, rows } = scene
const log = pino({ level: 'silent' })

beforeEach(async () => {
  await query('UPDATE fleet.channels SET paused_until = NULL, strikes = 0, reason = NULL')
})

/** A pause does not end before the test has seen it. */
function lasting(pause: ChannelPause): ChannelPause {
  const last = () => query(`UPDATE fleet.channels SET paused_until = 'infinity' WHERE name = 'sms'`)
  return {
    async pause(forMs, reason) {
      await pause.pause(forMs, reason)
      await last()
    },
    async outage(reason) {
      const lastsMs = await pause.outage(reason)
      await last()
      return lastsMs
    },
    passed: () => pause.passed(),
  }
}

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

describe('SMS', () => {
  let server: ScriptedServer
  beforeAll(async () => {
    server = await startScriptedServer()
  })
  afterAll(() => server.close())

  test.each(smsMatrix)('$channel: $answer: the row says $status $errorClass', async (cell) => {
    const driver = cell.driver === 'none' ? undefined : driverFor(cell, await rootFor(cell, server))
    const channel = smsChannel({ driver, pause: lasting(channelPause(scene.database, 'sms')), log })
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

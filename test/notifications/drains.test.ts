import { describe, expect, onTestFinished, test } from 'vitest'
import type { Delivery } from '../../src/notifications/channel.ts'
import { createScriptedWay } from '../support/notification-drains.ts'
import { setNotifications } from './notifications.ts'

const { start, insert, query, rows, mails, statuses } = setNotifications()
const ledger = () => query('SELECT * FROM fleet.notification_attempts ORDER BY ended_at')
const sent: Delivery = { outcome: { kind: 'sent' } }

describe('a notification', () => {
  test('by e-mail becomes a mail, of its priority, under a key of its own, and is under way while that is', async () => {
    start()
    await insert({ type: 'email', priority: 'urgent' }, { type: 'email', priority: 'low' })
    await expect.poll(async () => (await mails()).length).toBe(2)
    expect(await statuses()).toEqual(['sending', 'sending'])
    expect(await mails()).toMatchObject([
      {
        notification_id: 1,
        dedup_key: 'n:1',
        priority: 1,
        recipient_to: 'office@acme.example',
        template_id: 'notification',
      },
      { notification_id: 2, dedup_key: 'n:2', priority: 7, status: 'pending' },
    ])
    await query(`UPDATE email_queue SET status = 'sent', sent_at = fleet.utc_now() WHERE notification_id = 1`)
    await query(`UPDATE email_queue SET status = 'failed', last_error = 'no such user' WHERE notification_id = 2`)
    expect(await rows()).toMatchObject([
      {
        status: 'sent',
        email_sent: true,
        email_sent_at: expect.any(Date),
        email_error: null,
        processed_at: expect.any(Date),
      },
      { status: 'failed', email_sent: false, email_sent_at: null, email_error: 'no such user' },
    ])
    expect(await ledger()).toEqual([])
  })

  test('that is replayed makes its mail go again, and no second one', async () => {
    start()
    await insert({ type: 'email' })
    await expect.poll(async () => (await mails()).length).toBe(1)
    await query(`UPDATE email_queue SET status = 'failed', last_error = 'x', attempts = 3`)
    await query(`UPDATE notifications SET status = 'pending', event_data = '{"to": "boss@acme.example"}' WHERE id = 1`)
    await expect.poll(mails).toMatchObject([{ status: 'pending', attempts: 0, recipient_to: 'boss@acme.example' }])
    expect(await statuses()).toEqual(['sending'])
  })

  test('for nobody is skipped, with the reason', async () => {
    start()
    await insert({ type: 'email', company_id: null })
    await expect.poll(statuses).toEqual(['skipped'])
    expect(await rows()).toMatchObject([
      { error_class: 'no_recipient', email_error: expect.stringContaining('contact'), needs_fallback: true },
    ])
    expect(await ledger()).toMatchObject([{ notification_id: 1, outcome: 'skipped', transport: null }])
  })

  test('in the application is sent by being there', async () => {
    start()
    await insert({ type: 'system' })
    await expect.poll(statuses).toEqual(['sent'])
  })

  test('that fails for now is tried again later, with what was taken of it kept', async () => {
    const { way } = createScriptedWay(async (_, hold) => {
      await hold.handOver()
      await hold.keep(['first'])
      const outcome = { kind: 'soft_failure', errorClass: 'server_unavailable', reason: 'bad gateway' } as const
      return { outcome, code: 502, providerCode: 'X1', reply: 'Bad Gateway', parts: ['first', 'second'] }
    })
    start({ ways: { telegram: way } })
    await insert({})
    await expect.poll(async () => (await ledger()).length).toBe(1)
    expect(await rows()).toMatchObject([
      {
        status: 'pending',
        attempts: 1,
        parts: ['first', 'second'],
        telegram_error: 'bad gateway',
        error_class: 'server_unavailable',
      },
    ])
    expect(await ledger()).toMatchObject([
      {
        outcome: 'soft_failure',
        code: 502,
        provider_code: 'X1',
        reply: 'Bad Gateway',
        handed_over_at: expect.any(Date),
      },
    ])
    expect(await query('SELECT * FROM fleet.notification_handovers')).toEqual([])
  })

  test('that is not touched is as before, but for the time', async () => {
    const { way } = createScriptedWay(async () => ({
      outcome: { kind: 'untouched', delayMs: 60_000 },
      parts: ['first'],
    }))
    start({ ways: { telegram: way } })
    await insert({})
    await expect.poll(async () => (await rows())[0]?.parts).toEqual(['first'])
    expect(await rows()).toMatchObject([{ status: 'pending', attempts: 0, error_class: null }])
    expect(await ledger()).toEqual([])
  })

  test('of a channel that pauses is left alone, and the other channels go on', async () => {
    await query(`UPDATE fleet.channels SET paused_until = now() + interval '1 hour' WHERE name = 'telegram'`)
    onTestFinished(async () => void (await query('UPDATE fleet.channels SET paused_until = NULL')))
    const { way, told } = createScriptedWay(async () => sent)
    start({ ways: { telegram: way, sms: way } })
    await insert({}, { type: 'sms' }, { type: 'system' })
    await expect.poll(statuses).toEqual(['pending', 'sent', 'sent'])
    expect(told.map(({ channel }) => channel)).toEqual(['sms'])
  })
})

describe('quiet hours', () => {
  test('hold up what is not urgent until they are over', async () => {
    // The database's clock decides: quiet from an hour ago until an hour from now.
    await query(`
      UPDATE companies SET timezone = 'Asia/Kolkata', quiet_from = (now() AT TIME ZONE 'Asia/Kolkata')::time - interval '1 hour',
             quiet_until = (now() AT TIME ZONE 'Asia/Kolkata')::time + interval '1 hour' WHERE id = 1`)
    onTestFinished(
      async () => void (await query('UPDATE companies SET timezone = NULL, quiet_from = NULL, quiet_until = NULL')),
    )
    start({ ways: { sms: createScriptedWay(async () => sent).way } })
    await insert({ type: 'sms' }, { type: 'sms', priority: 'urgent' }, { type: 'email' }, { type: 'system' })
    await expect.poll(statuses).toEqual(['pending', 'sent', 'pending', 'sent'])
    const due = `SELECT extract(epoch FROM due_at - now())::float8 AS seconds FROM notifications WHERE status = 'pending'`
    const waits = () => query(due).then((found) => found.map(({ seconds }) => Math.round(Number(seconds) / 60)))
    await expect.poll(waits).toEqual([60, 60])
    expect((await rows())[0]).toMatchObject({ attempts: 0, error_class: null })
  })
})

import { pino } from 'pino'
import { expect, test } from 'vitest'
import { runFallbacks } from '../../src/notifications/fallback-pass.ts'
import { createScriptedWay } from '../support/notification-drains.ts'
import { setNotifications } from './notifications.ts'

const scene = setNotifications()
const { start, insert, query, statuses } = scene

test('a digest that Telegram refuses becomes one mail that tells all of it', async () => {
  const refusal = { kind: 'hard_failure', errorClass: 'bot_blocked', reason: 'blocked' } as const
  const { way, told } = createScriptedWay(async () => ({ outcome: refusal }))
  const row = { type: 'telegram', group_id: 'g', event_data: { chat_id: '1', to: 'a@b.org', fallback: ['email'] } }
  await insert({ ...row, subject: 'one' }, { ...row, subject: 'two' }, { ...row, subject: 'three' })
  await query(`UPDATE notifications SET enqueued_at = now() - interval '61 s', due_at = now()`)
  start({ ways: { telegram: way } })
  await expect.poll(statuses).toEqual(['failed', 'failed', 'failed'])
  expect(told).toHaveLength(1)

  expect(await runFallbacks(scene.database, { defaults: {}, log: pino({ level: 'silent' }) })).toBe(1)
  const mails = () =>
    query(`
      SELECT notification_id, recipient_to, jsonb_path_query_array(variables, '$.items[*].title') AS titles FROM email_queue`)
  const titles = ['one', 'two', 'three']
  await expect.poll(mails).toEqual([{ notification_id: 4, recipient_to: 'a@b.org', titles }])
  expect((await statuses()).slice(3)).toEqual(['sending', 'sending', 'sending'])

  await query(`UPDATE email_queue SET status = 'sent'`)
  expect(await statuses()).toEqual(['failed', 'failed', 'failed', 'sent', 'sent', 'sent'])
})

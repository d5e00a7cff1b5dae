import { pino } from 'pino'
import { beforeAll, expect, test } from 'vitest'
import { runFallbacks } from '../../src/notifications/fallback-pass.ts'
import { createScriptedWay } from '../support/notification-drains.ts'
import { setNotifications } from './notifications.ts'

const scene = setNotifications()
const { start, insert, query, statuses } = scene
const sends = () => createScriptedWay(async () => ({ outcome: { kind: 'sent' } }))
beforeAll(() =>
  query(`
    INSERT INTO companies (id, name, slug, locale) VALUES (101, 'En', 'en', 'EN-us'), (102, 'De', 'de', 'de'), (103, 'None', 'none', NULL)`),
)

test.each([
  ['that of the company, where the notice says none', 101, {}, 'en'],
  ['that of the notice, whatever the company has', 101, { locale: 'ru' }, 'ru'],
  ['that of the company, where the notice asks for one that nobody speaks', 101, { locale: 'fr' }, 'en'],
  ['the default one, where the company asks for one that nobody speaks', 102, {}, 'ru'],
  ['the default one, where the company has none', 103, {}, 'ru'],
  ['the default one, where there is no company', null, {}, 'ru'],
])('the language of a notice is %s', async (_, company_id, event_data, locale) => {
  const { way, told } = sends()
  await insert({ company_id, event_data, type: 'sms' })
  start({ ways: { sms: way } })
  await expect.poll(statuses).toEqual(['sent'])
  expect(told[0]?.locale).toBe(locale)
})

test.each([
  [{}, 'en'],
  [{ locale: 'fr' }, 'en'],
  [{ locale: 'ru-RU' }, 'ru-RU'],
])('a mail is rendered in it: %j', async (given, locale) => {
  const event_data = { to: 'a@b.org', template: 'subscription_expired', ...given }
  await insert({ company_id: 101, type: 'email', event_data })
  start()
  await expect.poll(() => query(`SELECT variables ->> 'locale' AS locale FROM email_queue`)).toEqual([{ locale }])
})

test('the notices of a company that say no language are one digest in its language', async () => {
  const { way, told } = sends()
  const row = { company_id: 101, type: 'sms', group_id: 'g' }
  await insert(row, row, { ...row, event_data: { locale: 'ru' } })
  await query(`UPDATE notifications SET enqueued_at = now() - interval '61 s', due_at = now()`)
  start({ ways: { sms: way } })
  await expect.poll(statuses).toEqual(['sent', 'sent', 'sent'])
  expect(told.map(({ locale, digest }) => [locale, digest.length])).toEqual([
    ['en', 2],
    ['ru', 0],
  ])
})

test('what stands in for a notice keeps to it', async () => {
  const { way, told } = sends()
  await insert({ company_id: 101, type: 'push', event_data: { fallback: ['sms'] } })
  await runFallbacks(scene.database, { defaults: {}, log: pino({ level: 'silent' }) })
  start({ ways: { sms: way } })
  await expect.poll(statuses).toEqual(['skipped', 'sent'])
  expect(told[0]?.locale).toBe('en')
})

import { expect, it } from 'vitest'
import type { Trouble, UntoldEnds } from '../../src/notifications/daily-digest-store.ts'
import { digestText } from '../../src/notifications/daily-digest-text.ts'

const window = { since: new Date('2026-11-24T06:00:00Z'), until: new Date('2026-11-25T06:00:00Z') }

function trouble(given: Partial<Trouble> = {}): Trouble {
  return {
    channel: 'telegram',
    status: 'skipped',
    errorClass: 'no_settings',
    count: 7,
    fallbacks: 0,
    example: 'TELEGRAM_BOT_TOKEN is not set',
    companies: ['Acme', 'Ромашка'],
    companyCount: 2,
    ...given,
  }
}

function untold(given: Partial<UntoldEnds> = {}): UntoldEnds {
  const companies = { companies: ['Acme', 'Ромашка', 'Саша'], companyCount: 5 }
  return { entityType: 'portraits', stage: '7d', reason: 'nobody_to_tell', count: 12, ...companies, ...given }
}

it('says what became of how many, why, and whom it met', () => {
  const kinds = [
    trouble({ companyCount: 5, fallbacks: 3 }),
    trouble({ channel: 'mail', status: 'failed', errorClass: null, count: 2, companies: [], companyCount: 0 }),
    trouble({ channel: 'email', status: 'held', example: null, count: 1 }),
  ]
  expect(digestText({ trouble: kinds, untold: [] }, window, { locale: 'ru', timezone: 'Europe/Moscow' })).toEqual({
    subject: 'Не доставлено уведомлений: 8, писем: 2',
    message: `С 24 ноября 2026 г., 09:00 (МСК) до 25 ноября 2026 г., 09:00 (МСК)

<b>telegram, пропущено: 7</b> (no_settings), дошло иначе: 3
TELEGRAM_BOT_TOKEN is not set
Acme, Ромашка и ещё 3

<b>письма без уведомлений, не удалось: 2</b>
TELEGRAM_BOT_TOKEN is not set

<b>email, задержано: 1</b> (no_settings)
Acme, Ромашка

Подробнее:
<code>fleet notification list --since 2026-11-24T06:00:00.000Z</code>
<code>fleet email list --since 2026-11-24T06:00:00.000Z</code>`,
  })
})

it('speaks English, in any time zone', () => {
  const { subject, message } = digestText({ trouble: [trouble()], untold: [] }, window, {
    locale: 'en',
    timezone: 'Asia/Kolkata',
  })
  expect(subject).toBe('Notices not delivered: 7')
  expect(message).toContain('From 24 November 2026, 11:30')
  expect(message).toContain('<b>telegram, skipped: 7</b> (no_settings)')
  expect(message.replace('Ромашка', '')).not.toMatch(/\p{sc=Cyrillic}/u)
})

it('tells of twenty kinds and counts the rest', () => {
  const kinds = Array.from({ length: 25 }, (_, n) => trouble({ errorClass: `class_${n}`, count: 2 }))
  const { subject, message } = digestText({ trouble: kinds, untold: [] }, window, { locale: 'en', timezone: 'UTC' })
  expect(subject).toBe('Notices not delivered: 50')
  expect(message.match(/class_/g)).toHaveLength(20)
  expect(message).toContain('The rest, messages: 10')
})

it('escapes what others have written', () => {
  const companies = { companies: ['<i>Co</i>'], companyCount: 1 }
  const { message } = digestText(
    {
      trouble: [trouble({ channel: '<x>', errorClass: '<y>', example: 'a <b> & "c"', ...companies })],
      untold: [untold({ reason: '<z>', ...companies })],
    },
    window,
    { locale: 'en', timezone: 'UTC' },
  )
  expect(message.replace(/<\/?(b|code)>/g, '')).not.toMatch(/[<>]/)
  expect(message).toContain('&lt;i&gt;Co&lt;/i&gt;')
})

it('says whose ends nobody could be told of, by kind and stage', () => {
  const kinds = [
    untold(),
    untold({ entityType: 'projects', stage: 'expired', count: 2, companies: [], companyCount: 0 }),
    untold({ entityType: 'companies', stage: '24h', reason: 'no_address', count: 1, companyCount: 3 }),
  ]
  const facts = { trouble: [], untold: kinds }
  const { subject, message } = digestText(facts, window, { locale: 'ru', timezone: 'Europe/Moscow' })
  expect(subject).toBe('Некому сообщить о сроках: 15')
  expect(message).toBe(`С 24 ноября 2026 г., 09:00 (МСК) до 25 ноября 2026 г., 09:00 (МСК)

<b>Некому сообщить о сроке подписки: 12 портретов</b> (7d)
Acme, Ромашка, Саша и ещё 2

<b>Некому сообщить о сроке подписки: 2 проекта</b> (expired)

<b>Не сообщили о сроке подписки: 1 компания</b> (24h, no_address)
Acme, Ромашка, Саша`)
})

it('says in English what failed, and whose ends nobody could be told of', () => {
  const facts = { trouble: [trouble()], untold: [untold({ count: 1 }), untold({ entityType: 'companies', count: 2 })] }
  const { subject, message } = digestText(facts, window, { locale: 'en', timezone: 'UTC' })
  expect(subject).toBe('Notices not delivered: 7; nobody to tell about ends: 3')
  expect(message).toMatch(
    /telegram, skipped: 7.*about the end: 1 portrait<.* and more: 2\n\n.*about the end: 2 companies<.*\n\nMore:\n/s,
  )
})

it('counts what it does not tell of ends', () => {
  const kinds = Array.from({ length: 25 }, (_, n) => untold({ stage: `stage_${n}`, count: 3 }))
  const { subject, message } = digestText({ trouble: [], untold: kinds }, window, { locale: 'en', timezone: 'UTC' })
  expect(subject).toBe('Nobody to tell about ends: 75')
  expect(message.match(/stage_/g)).toHaveLength(20)
  expect(message).toContain('The rest, messages: 15')
})

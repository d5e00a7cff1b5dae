import { expect, it } from 'vitest'
import type { Trouble } from '../../src/notifications/daily-digest-store.ts'
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

it('says what became of how many, why, and whom it met', () => {
  const kinds = [
    trouble({ companyCount: 5, fallbacks: 3 }),
    trouble({ channel: 'mail', status: 'failed', errorClass: null, count: 2, companies: [], companyCount: 0 }),
    trouble({ channel: 'email', status: 'held', example: null, count: 1 }),
  ]
  expect(digestText(kinds, window, { locale: 'ru', timezone: 'Europe/Moscow' })).toEqual({
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
  const { subject, message } = digestText([trouble()], window, { locale: 'en', timezone: 'Asia/Kolkata' })
  expect(subject).toBe('Notices not delivered: 7')
  expect(message).toContain('From 24 November 2026, 11:30')
  expect(message).toContain('<b>telegram, skipped: 7</b> (no_settings)')
  expect(message.replace('Ромашка', '')).not.toMatch(/\p{sc=Cyrillic}/u)
})

it('tells of twenty kinds and counts the rest', () => {
  const kinds = Array.from({ length: 25 }, (_, n) => trouble({ errorClass: `class_${n}`, count: 2 }))
  const { subject, message } = digestText(kinds, window, { locale: 'en', timezone: 'UTC' })
  expect(subject).toBe('Notices not delivered: 50')
  expect(message.match(/class_/g)).toHaveLength(20)
  expect(message).toContain('The rest, messages: 10')
})

it('escapes what others have written', () => {
  const { message } = digestText(
    [trouble({ channel: '<x>', errorClass: '<y>', example: 'a <b> & "c"', companies: ['<i>Co</i>'], companyCount: 1 })],
    window,
    { locale: 'en', timezone: 'UTC' },
  )
  expect(message.replace(/<\/?(b|code)>/g, '')).not.toMatch(/[<>]/)
  expect(message).toContain('&lt;i&gt;Co&lt;/i&gt;')
})

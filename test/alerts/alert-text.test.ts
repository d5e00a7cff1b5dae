import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Alert, alertKinds } from '../../src/alerts/alert.ts'
import { alertText, firstCommands, runbookOf } from '../../src/alerts/alert-text.ts'
import { readTelegramHtml } from '../support/telegram-html.ts'

const root = join(import.meta.dirname, '../..')
const now = new Date('2026-03-02T03:12:00Z')
const noticedAt = new Date('2026-03-02T03:00:00Z')
const detail = {
  ...{ due: 12, minutes: 20, failed: 7, attempts: 20, percent: 35, before: 3, outcome: 'blocked', workers: 2 },
  reason: '<b>421</b> & "later"\r\nBcc: everybody@example.org',
}

function alert(facts: Partial<Alert> = {}): Alert {
  return {
    ...{ id: '1', kind: 'outage', subject: 'email', severity: 'critical', detail },
    ...{ noticedAt, beganAt: noticedAt, clearSince: null, overAt: null, told: {} },
    ...facts,
  }
}

function write(facts: Partial<Alert> = {}, { locale = 'en', message = 'begins', environment = 'production' } = {}) {
  const clock = { locale: locale as 'en' | 'ru', timezone: 'Europe/Moscow' }
  return alertText(alert(facts), { message: message as 'begins' | 'over', now }, { clock, environment })
}

it('says what, how bad, since when, what to run first, and where to read on', () => {
  expect(write().subject).toBe('[production] The mail server takes nothing')
  expect(write().text.split('\n')).toEqual([
    'It says: <b>421</b> & "later" Bcc: everybody@example.org',
    'From 2 March 2026, 06:00 (MSK), 12 min',
    'Critical',
    'Run first: fleet doctor',
    'Runbook: docs/runbooks/outage.md',
  ])
})

it('says from when to when it was', () => {
  const over = { clearSince: new Date('2026-03-02T03:10:00Z'), overAt: now }
  expect(write(over, { message: 'over', locale: 'ru' })).toEqual({
    subject: '[production] Закончилось: Почтовый сервер не принимает письма',
    text: 'С 2 марта 2026 г., 06:00 (МСК) до 2 марта 2026 г., 06:10 (МСК), 10 мин',
    html: '<b>[production] Закончилось: Почтовый сервер не принимает письма</b>\nС 2 марта 2026 г., 06:00 (МСК) до 2 марта 2026 г., 06:10 (МСК), 10 мин',
  })
})

describe.each(alertKinds)('%s', (kind) => {
  const page = join(root, runbookOf(kind))

  it('has its runbook, with all its parts and the command to run first', () => {
    expect(existsSync(page)).toBe(true)
    const text = readFileSync(page, 'utf8')
    expect(text).toContain('## What to look at first')
    expect(text).toContain('## How to mend it')
    expect(text).toContain('## How to know that it is over')
    expect(text).toContain(`npx ${firstCommands[kind]}`)
    expect(readFileSync(join(root, 'docs/runbooks/README.md'), 'utf8')).toContain(`[${kind}](${kind}.md)`)
  })

  it.each(['ru', 'en'])('is told in %s, in text that Telegram takes and headers hold', (locale) => {
    for (const subject of ['', 'email', 'a<b>&\r\nc']) {
      const { subject: line, text, html } = write({ kind, subject }, { locale })
      expect(line).not.toMatch(/[\r\n]/)
      expect(`${line}\n${text}`).not.toMatch(/undefined|null|NaN/)
      expect(text).toContain(runbookOf(kind))
      expect(readTelegramHtml(html, 'HTML').fault).toBeUndefined()
      expect(readTelegramHtml(html, 'HTML').visible).toBe(`${line}\n${text}`)
    }
  })
})

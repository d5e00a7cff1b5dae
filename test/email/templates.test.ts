import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Liquid } from 'liquidjs'
import { describe, expect, it } from 'vitest'
import { renderNotice, renderTemplate } from '../../src/email/render.ts'
import { registerTemplateFilters } from '../../src/email/template-filters.ts'
import { readMarkup } from '../../src/telegram/markup.ts'

const directory = fileURLToPath(new URL('../../src/email/templates', import.meta.url))
const toCustomers = ['subscription_expired', 'subscription_expiring_24h', 'subscription_expiring_7d']
const notices = [...toCustomers, 'subscription_suspended']

const required = { company_name: 'ООО «Ромашка»', entity_name: 'Летняя выставка', ends_at: '2026-12-23T15:00:00Z' }
const optional = {
  entity_type: ['project', 'portrait', 'company', undefined],
  renew_url: ['https://app.vertexar.com/renew?a=1&b=2', '', undefined],
  auto_renew: [true, false, undefined],
  days_left: [7, 0, undefined],
  timezone: ['Asia/Yekaterinburg', undefined],
}

/** Every combination of one value per name. */
function combinations(choices: Record<string, readonly unknown[]>): Record<string, unknown>[] {
  return Object.entries(choices).reduce<Record<string, unknown>[]>(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  )
}

/** What the template `notification` is given for every kind of item that it knows. */
const items = [
  { title: 'Первое', message: 'Ваше <b>видео</b> готово', image_url: 'https://e.org/1.png' },
  { title: null, message: 'два\nстроки', buttons: [{ text: 'Открыть', url: 'https://e.org/?a=1&b=2' }] },
  { title: 'Третье' },
]

function render(templateId: string, variables: Record<string, unknown>) {
  const json: unknown = JSON.parse(JSON.stringify({ ...required, ...variables }))
  const mail = renderTemplate({ templateId, variables: json, defaultLocale: 'ru' })
  const notice = renderNotice({ templateId, variables: json, defaultLocale: 'ru' })
  if (mail.kind === 'refused') throw new Error(mail.reason)
  if (notice.kind === 'refused') throw new Error(notice.reason)
  expect(notice.subject).toBe(mail.subject)
  return { ...mail, html: mail.html ?? '', message: notice.message ?? '' }
}

/** Every start tag of a document, in order; throws where an end tag does not close the last one that is open. */
function startTags(html: string): string[] {
  const empty = ['meta', 'br', 'img']
  const open: string[] = []
  const found: string[] = []
  for (const [tag, slash, name = ''] of html
    .replace(/<!--[\s\S]*?-->|<!DOCTYPE html>/g, '')
    .matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
    if (slash) expect(open.pop(), `closed by ${tag}`).toBe(name)
    else {
      found.push(tag)
      if (!empty.includes(name)) open.push(name)
    }
  }
  expect(open).toEqual([])
  return found
}

it('the templates are there in both languages, with all their parts', () => {
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(folders.map(({ name }) => name).sort()).toEqual(['notification', ...notices])
  const mail = ['html.liquid', 'subject.liquid', 'text.liquid']
  for (const locale of ['en', 'ru']) {
    expect(readdirSync(join(directory, 'notification', locale)).sort()).toEqual(mail)
    for (const notice of notices) {
      expect(readdirSync(join(directory, notice, locale)).sort()).toEqual([...mail, 'message.liquid'].sort())
    }
  }
})

describe.each(notices)('%s', (notice) => {
  it.each(['ru', 'en'])('renders in %s with every combination of the optional variables', (locale) => {
    for (const variables of combinations(optional)) {
      const { subject, text, html, message } = render(notice, { ...variables, locale })
      expect(subject).not.toMatch(/[{}]|undefined| {2}|^\s|\s$/)
      expect(message).not.toMatch(/[{}<>\n]|undefined| {2}|^\s|\s$|^$/)
      expect(text).not.toMatch(/[{}<>]|undefined| {2}|&\w+;|\n{3}/)
      expect(html).not.toMatch(/[{}]|undefined|NaN/)
      expect(text).toMatch(/\n--\nVertex AR\n/)
      startTags(html)
      if (locale === 'en')
        expect(`${subject}${text}${html}${message}`.replace(/ООО «Ромашка»|Летняя выставка/g, '')).not.toMatch(
          /\p{sc=Cyrillic}/u,
        )
    }
  })

  it.each([
    ['ru', '23 декабря 2026 г.', '18:00 (МСК)'],
    ['en', '23 December 2026', '18:00 (MSK)'],
  ])('says who, what and when in every part, in %s', (locale, day, time) => {
    const end = `${day}, ${time}`
    for (const variables of combinations({ auto_renew: optional.auto_renew, days_left: optional.days_left })) {
      const { subject, text, html, message } = render(notice, { ...variables, locale, entity_type: 'project' })
      expect(subject).toContain('Летняя выставка')
      expect(subject).toContain(day)
      expect(message).toContain('Летняя выставка')
      expect(message).toContain(end)
      for (const body of [text, html]) {
        expect(body).toContain('Летняя выставка')
        expect(body).toContain('ООО «Ромашка»')
        expect(body).toContain(end)
      }
    }
  })

  it('escapes what customers call their things', () => {
    const name = '<img src=x onerror="alert(1)"> & \'Co\''
    const { subject, text, html, message } = render(notice, { entity_name: name, company_name: name })
    expect(message).toContain('&lt;img src=x onerror=&#34;alert(1)&#34;&gt; &amp; &#39;Co&#39;')
    expect(readMarkup(message)?.map((run) => run.text)).toEqual([expect.stringContaining(name)])
    expect(html).toContain('&lt;img src=x onerror=&#34;alert(1)&#34;&gt; &amp; &#39;Co&#39;')
    expect(html).not.toContain('<img')
    expect(subject).toContain(name)
    expect(text).toContain(name)
  })

  it('names a company once in each part where the subscription is its own', () => {
    for (const locale of ['ru', 'en']) {
      const name = 'ООО «Ромашка»'
      const { subject, text, html, message } = render(notice, { locale, entity_type: 'company', entity_name: name })
      for (const part of [subject, text, html, message]) expect(part.split(name)).toHaveLength(2)
    }
  })

  it('says on which day also where names are of any length', () => {
    const { subject, text } = render(notice, { entity_name: '😀'.repeat(255), company_name: 'ж'.repeat(255) })
    expect([...subject].length).toBeLessThan(300)
    expect(subject).toContain(`${'😀'.repeat(79)}…`)
    expect(subject).toContain('23 декабря 2026 г.')
    expect(text).toContain('😀'.repeat(255))
  })

  it('has HTML that mail clients show as it is meant: inline styles, no images, no scripts, 600 pixels at most', () => {
    const { html } = render(notice, { locale: 'en', renew_url: 'https://app.vertexar.com/renew' })
    const tags = startTags(html)
    expect(tags[0]).toMatch(/^<html lang="en" dir="ltr"/)
    expect(html).not.toMatch(/<style|<img|<script|<link|url\(|class=|@media/)
    expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">')
    for (const table of tags.filter((tag) => tag.startsWith('<table'))) expect(table).toContain('role="presentation"')
    for (const [, width] of html.matchAll(/[ ;"]width[:=]"?(\d+)(?:px|")/g))
      expect(Number(width)).toBeLessThanOrEqual(600)
    expect(Buffer.byteLength(html)).toBeLessThan(20_000)
  })

  it.each(Object.keys(required))('needs %s', (name) => {
    const variables = Object.fromEntries(Object.entries(required).filter(([key]) => key !== name))
    expect(renderTemplate({ templateId: notice, variables, defaultLocale: 'en' })).toMatchObject({
      kind: 'refused',
      errorClass: 'template_variables',
      reason: expect.stringContaining(`needs the variable ${name}`),
    })
  })

  it('uses the documented variables and no others', () => {
    const engine = new Liquid({ root: directory })
    registerTemplateFilters(engine)
    const used = ['ru', 'en'].flatMap((locale) =>
      ['subject', 'text', 'html', 'message'].flatMap((part) =>
        engine.globalVariablesSync(engine.parseFileSync(`${notice}/${locale}/${part}.liquid`)),
      ),
    )
    const ours = ['tone', 'label', 'end_label', 'before_manager', 'locale']
    const documented = [...Object.keys(required), ...Object.keys(optional)]
    expect(used).toEqual(expect.arrayContaining(Object.keys(required)))
    expect([...new Set(used)].filter((name) => ![...ours, ...documented].includes(name))).toEqual([])
  })
})

it.each(toCustomers)('%s links to the renewal from a button and from the text, or names the manager', (notice) => {
  const linked = render(notice, { renew_url: 'https://app.vertexar.com/renew?a=1&b=2' })
  expect(linked.html.split('href="https://app.vertexar.com/renew?a=1&amp;b=2"')).toHaveLength(3)
  expect(linked.text).toContain('\nhttps://app.vertexar.com/renew?a=1&b=2\n')
  expect(`${linked.html}${linked.text}`).not.toContain('менеджеру')
  const unlinked = render(notice, {})
  expect(unlinked.html).not.toContain('href')
  expect(unlinked.html).toContain('менеджеру')
  expect(unlinked.text).toContain('менеджеру')
})

it.each(toCustomers)('%s promises a company nothing that holds for projects alone', (notice) => {
  const promises = /зрители|льготн|viewers|grace/
  for (const variables of combinations({ locale: ['ru', 'en'], auto_renew: [true, false] })) {
    const { text, html, message } = render(notice, { ...variables, entity_type: 'company' })
    expect(`${text}${html}${message}`).not.toMatch(promises)
    const ofProject = render(notice, { locale: variables.locale, entity_type: 'project' })
    for (const part of [ofProject.text, ofProject.html, ofProject.message]) expect(part).toMatch(promises)
  }
})

describe('notification', () => {
  it.each(['ru', 'en'])('renders in %s with every combination of what it is given', (locale) => {
    const choices = {
      title: ['О видео', null],
      urgent: [true, undefined],
      items: [[], ...items.map((one) => [one]), items],
      brief: [true, undefined],
      more: [0, 463, undefined],
    }
    for (const variables of combinations(choices)) {
      const { subject, text, html } = render('notification', { ...variables, locale })
      expect(subject).not.toMatch(/[{}<>]|undefined|null| {2}|^\s|\s$|^$/)
      expect(text).not.toMatch(/[{}<>]|undefined|null| {2}|&\w+;|\n{3}/)
      expect(html).not.toMatch(/[{}]|undefined|null|NaN/)
      expect(text).toMatch(/\n--\nVertex AR\n/)
      startTags(html)
      const own = `${subject}${text}${html}`.replace(/О видео|Перв..|Тре..е|Ваше|видео|готово|два|строки|Открыть/g, '')
      if (locale === 'en') expect(own).not.toMatch(/\p{sc=Cyrillic}/u)
    }
  })

  it('says nothing of a subscription: it may be to anybody', () => {
    for (const locale of ['ru', 'en']) {
      const { text, html } = render('notification', { title: 'x', items, locale })
      expect(`${text}${html}`).not.toMatch(/подписк|subscription/)
    }
  })

  it.each([
    [{ title: 'x' }, 'needs the variable items'],
    [{ title: 'x', items: [{ message: { text: 'y' } }] }, 'an object cannot be written as text'],
    [{ title: 'x', items: [{ buttons: [{ text: 'y', url: 'javascript:z' }] }] }, 'is not a link'],
  ])('of %j is refused', (variables, reason) => {
    expect(renderTemplate({ templateId: 'notification', variables, defaultLocale: 'ru' })).toMatchObject({
      kind: 'refused',
      errorClass: 'template_variables',
      reason: expect.stringContaining(reason),
    })
  })
})

describe('the wording', () => {
  const ru = 'Подписка на проект «Летняя выставка»'
  const en = 'Your subscription for the project “Летняя выставка”'
  const subjects: [notice: string, variables: Record<string, unknown>, subject: string][] = [
    ['subscription_expiring_7d', { days_left: 7 }, `${ru} закончится через 7 дней, 23 декабря 2026 г.`],
    ['subscription_expiring_7d', { days_left: 3 }, `${ru} закончится через 3 дня, 23 декабря 2026 г.`],
    ['subscription_expiring_7d', { days_left: 1 }, `${ru} закончится через 1 день, 23 декабря 2026 г.`],
    ['subscription_expiring_7d', { days_left: 0 }, `${ru} закончится 23 декабря 2026 г.`],
    ['subscription_expiring_7d', {}, `${ru} закончится 23 декабря 2026 г.`],
    [
      'subscription_expiring_7d',
      { auto_renew: true, days_left: 7 },
      `${ru} продлится автоматически 23 декабря 2026 г.`,
    ],
    ['subscription_expiring_24h', {}, `${ru} закончится меньше чем через сутки, 23 декабря 2026 г., 18:00 (МСК)`],
    [
      'subscription_expiring_24h',
      { auto_renew: true },
      `${ru} продлится автоматически 23 декабря 2026 г., 18:00 (МСК)`,
    ],
    ['subscription_expired', {}, `${ru} закончилась 23 декабря 2026 г.`],
    [
      'subscription_expired',
      { entity_type: 'portrait' },
      'Подписка на портрет «Летняя выставка» закончилась 23 декабря 2026 г.',
    ],
    [
      'subscription_expired',
      { entity_type: 'company', entity_name: 'ООО «Ромашка»' },
      'Подписка компании ООО «Ромашка» закончилась 23 декабря 2026 г.',
    ],
    ['subscription_expired', { entity_type: null }, 'Подписка на «Летняя выставка» закончилась 23 декабря 2026 г.'],
    [
      'subscription_suspended',
      {},
      'Приостановлено: проект «Летняя выставка» (ООО «Ромашка»), подписка закончилась 23 декабря 2026 г.',
    ],
    ['subscription_expiring_7d', { locale: 'en', days_left: 7 }, `${en} ends in 7 days, on 23 December 2026`],
    ['subscription_expiring_7d', { locale: 'en', days_left: 1 }, `${en} ends in 1 day, on 23 December 2026`],
    ['subscription_expiring_7d', { locale: 'en', auto_renew: true }, `${en} renews by itself on 23 December 2026`],
    [
      'subscription_expiring_24h',
      { locale: 'en' },
      `${en} ends in less than 24 hours, on 23 December 2026, 18:00 (MSK)`,
    ],
    ['subscription_expired', { locale: 'en' }, `${en} ended on 23 December 2026`],
    [
      'subscription_expired',
      { locale: 'en', entity_type: 'company', entity_name: 'Acme' },
      'Your subscription for the company Acme ended on 23 December 2026',
    ],
    [
      'subscription_suspended',
      { locale: 'en' },
      'Suspended: the project “Летняя выставка” (ООО «Ромашка»), subscription ended on 23 December 2026',
    ],
  ]
  it.each(subjects)('of %s with %j has the subject "%s"', (notice, variables, subject) => {
    expect(render(notice, { entity_type: 'project', ...variables }).subject).toBe(subject)
  })

  it('of the README is that of the templates', () => {
    const readme = readFileSync(join(directory, 'README.md'), 'utf8')
    const ofNotification = [
      'notification',
      'title',
      'items',
      'message',
      'image_url',
      'buttons',
      'urgent',
      'brief',
      'more',
    ]
    for (const name of [...notices, ...Object.keys(required), ...Object.keys(optional), ...ofNotification, 'locale']) {
      expect(readme).toContain(`\`${name}\``)
    }
  })
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRenderer, type Rendered } from '../../src/email/render.ts'

const directory = mkdtempSync(join(tmpdir(), 'templates-'))
const { renderTemplate: render, renderNotice } = createRenderer(directory)

function write(files: Record<string, string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), content)
  }
}

/** Makes `id` of one text, the same in both languages, and renders it, in English unless asked otherwise. */
function renderText(id: string, text: string, variables: unknown): Rendered {
  for (const locale of ['ru', 'en']) {
    write({ [`${id}/${locale}/subject.liquid`]: 'Subject', [`${id}/${locale}/text.liquid`]: text })
  }
  return render({ templateId: id, variables, defaultLocale: 'en' })
}

beforeAll(() => {
  write({
    'layout.html.liquid': '<html lang="{{ locale }}">{% block content %}{% endblock %}</html>',
    'greeting/en/subject.liquid': 'Hello {{ name }}\n',
    'greeting/en/text.liquid': 'Dear {{ name }}',
    'greeting/en/html.liquid':
      '{% layout \'layout.html.liquid\' %}{% block content %}<p title="{{ name }}">{{ name }}</p>{% endblock %}',
    'greeting/ru/subject.liquid': 'Привет, {{ name }}',
    'greeting/ru/text.liquid': 'Уважаемый {{ name }}',
    'plain/ru/subject.liquid': 'Тема',
    'plain/ru/text.liquid': 'Текст',
  })
})

afterAll(() => rmSync(directory, { recursive: true }))

describe('a rendered template', () => {
  it('gives subject, text and HTML, and escapes in HTML alone', () => {
    const name = `<b>"O'Neil" & Co</b>`
    expect(render({ templateId: 'greeting', variables: { name }, defaultLocale: 'en' })).toEqual({
      kind: 'rendered',
      subject: `Hello ${name}`,
      text: `Dear ${name}\n`,
      html:
        '<html lang="en"><p title="&lt;b&gt;&#34;O&#39;Neil&#34; &amp; Co&lt;/b&gt;">' +
        '&lt;b&gt;&#34;O&#39;Neil&#34; &amp; Co&lt;/b&gt;</p></html>',
    })
  })

  it('has no HTML where the template has none', () => {
    expect(render({ templateId: 'plain', variables: null, defaultLocale: 'ru' })).toMatchObject({ html: null })
  })

  it('keeps the subject on one line, whatever the variables hold', () => {
    const name = 'A\r\nBcc: x@example.com\u0000\u2028\u0085B'
    expect(render({ templateId: 'greeting', variables: { name }, defaultLocale: 'en' })).toMatchObject({
      subject: 'Hello A Bcc: x@example.com B',
    })
  })

  it('keeps text free of the empty lines that tags leave behind', () => {
    expect(renderText('gaps', '\n\na  \n{% if x %}\n{% endif %}\n\n\nb\n\n', {})).toMatchObject({ text: 'a\n\nb\n' })
  })
})

describe('a notice', () => {
  it('has the subject of the mail, and a message of its own, with what is given escaped', () => {
    write({
      'told/en/subject.liquid': 'For {{ name }}\n',
      'told/en/text.liquid': '{{ of_the_mail_alone }}',
      'told/en/message.liquid': '\n<b>{{ name }}</b>  \n{% if x %}\n{% endif %}\n\nends\n',
    })
    expect(renderNotice({ templateId: 'told', variables: { name: `<'Co'> &` }, defaultLocale: 'en' })).toEqual({
      kind: 'rendered',
      subject: `For <'Co'> &`,
      message: '<b>&lt;&#39;Co&#39;&gt; &amp;</b>\n\nends',
    })
  })

  it('has no message where the template has none', () => {
    expect(renderNotice({ templateId: 'plain', variables: null, defaultLocale: 'ru' })).toEqual({
      kind: 'rendered',
      subject: 'Тема',
      message: null,
    })
  })

  it('whose message wants what is not given is refused, while the mail is not', () => {
    write({
      'asking/en/subject.liquid': 'x',
      'asking/en/text.liquid': 'y',
      'asking/en/message.liquid': '{{ name }}',
    })
    const request = { templateId: 'asking', variables: {}, defaultLocale: 'en' } as const
    expect(renderNotice(request)).toEqual({
      kind: 'refused',
      errorClass: 'template_variables',
      reason: 'template asking/en/message needs the variable name, which is not given',
    })
    expect(render(request)).toMatchObject({ kind: 'rendered' })
  })
})

describe('the language', () => {
  const cases: [locale: unknown, subject: string][] = [
    ['en', 'Hello A'],
    ['EN', 'Hello A'],
    ['en-US', 'Hello A'],
    ['en_GB', 'Hello A'],
    [' ru ', 'Привет, A'],
    ['ru-RU', 'Привет, A'],
    ['de', 'Привет, A'],
    ['', 'Привет, A'],
    [7, 'Привет, A'],
    [['en'], 'Привет, A'],
    [null, 'Привет, A'],
    ['../en', 'Привет, A'],
  ]
  it.each(cases)('asked for as %j gives "%s" where the default is Russian', (locale, subject) => {
    const variables = { name: 'A', locale }
    expect(render({ templateId: 'greeting', variables, defaultLocale: 'ru' })).toMatchObject({ subject })
  })

  it('falls back to one that the template has', () => {
    expect(render({ templateId: 'plain', variables: { locale: 'en' }, defaultLocale: 'en' })).toMatchObject({
      subject: 'Тема',
    })
  })
})

describe('variables', () => {
  it.each([
    [[1, 2], 'variables must be a JSON object, not an array'],
    ['{"name":"A"}', 'variables must be a JSON object, not a string'],
    [12, 'variables must be a JSON object, not a number'],
    [false, 'variables must be a JSON object, not a boolean'],
  ])('that are %j are refused', (variables, reason) => {
    expect(render({ templateId: 'greeting', variables, defaultLocale: 'en' })).toEqual({
      kind: 'refused',
      errorClass: 'template_variables',
      reason,
    })
  })

  it.each([{}, { name: null }, null, undefined])('of %j lack a name, and the refusal names it', (variables) => {
    expect(render({ templateId: 'greeting', variables, defaultLocale: 'en' })).toEqual({
      kind: 'refused',
      errorClass: 'template_variables',
      reason: 'template greeting/en/subject needs the variable name, which is not given',
    })
  })

  it('that are missing deep inside are named with their path', () => {
    expect(renderText('deep', '{{ order.client.name }}', { order: { client: {} } })).toMatchObject({
      reason: 'template deep/en/text needs the variable order.client.name, which is not given',
    })
  })

  it('may be missing in a condition', () => {
    expect(renderText('maybe', '{% if link %}yes{% else %}no{% endif %}', {})).toMatchObject({ text: 'no\n' })
  })

  it('that are objects do not become text', () => {
    expect(renderText('object', 'Dear {{ name }}', { name: { first: 'A' } })).toEqual({
      kind: 'refused',
      errorClass: 'template_variables',
      reason: 'template object/en/text: name: an object cannot be written as text',
    })
  })

  it.each(['constructor', '__proto__', 'toString', 'name.length.constructor', 'name.constructor'])(
    'do not expose %s',
    (path) => {
      expect(
        renderText(`proto-${path.replace(/\W/g, '-').toLowerCase()}`, `{{ ${path} }}`, { name: 'A' }),
      ).toMatchObject({
        kind: 'refused',
        errorClass: 'template_variables',
      })
    },
  )

  it('with prototype keys change nothing', () => {
    const hostile: unknown = JSON.parse(
      '{"name":"A","__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
    )
    expect(renderText('hostile', '{{ name }}{% if admin %} is admin{% endif %}', hostile)).toMatchObject({
      text: 'A\n',
    })
    expect('admin' in {}).toBe(false)
  })

  it('that would blow a loop up end it', () => {
    const rendered = renderText('loop', '{% for i in (1..count) %}{% for j in (1..count) %}x{% endfor %}{% endfor %}', {
      count: 1e9,
    })
    expect(rendered).toMatchObject({ kind: 'refused', errorClass: 'template_variables' })
    expect(rendered).toHaveProperty('reason', expect.stringContaining('the variables are too large'))
  })
})

describe('local_time', () => {
  const clocks: [variables: Record<string, string>, text: string][] = [
    [{ locale: 'ru' }, '23 декабря 2026 г., 18:00 (МСК)'],
    [{ locale: 'en' }, '23 December 2026, 18:00 (MSK)'],
    [{ locale: 'en', timezone: 'UTC' }, '23 December 2026, 15:00 (UTC)'],
    [{ locale: 'ru', timezone: 'Asia/Yekaterinburg' }, '23 декабря 2026 г., 20:00 (GMT+5)'],
    [{ locale: 'en', timezone: 'Asia/Kolkata' }, '23 December 2026, 20:30 (GMT+5:30)'],
    [{ locale: 'en', timezone: 'Europe/Berlin' }, '23 December 2026, 16:00 (CET)'],
    [{ locale: 'en', timezone: 'Asia/Vladivostok' }, '24 December 2026, 01:00 (GMT+10)'],
    [{ locale: 'en', timezone: 'Mars/Olympus' }, '23 December 2026, 18:00 (MSK)'],
  ]
  it.each(clocks)('writes the time for %j as %s', (clock, text) => {
    const variables = { ...clock, at: '2026-12-23T15:00:00Z' }
    expect(renderText('clock', '{{ at | local_time }}', variables)).toMatchObject({ text: `${text}\n` })
  })

  it.each([
    '2026-12-23T15:00:00',
    '2026-12-23T15:00:00.000000',
    '2026-12-23 15:00:00',
    '2026-12-23 15:00:00+00',
    '2026-12-23T18:00:00+03:00',
  ])('reads %s as the same instant', (at) => {
    expect(renderText('spelling', '{{ at | local_time }}', { at })).toMatchObject({
      text: '23 December 2026, 18:00 (MSK)\n',
    })
  })

  it.each([
    ['soon', '"soon"'],
    ['', '""'],
    ['2026-02-30', '"2026-02-30"'],
    [1766502000, '1766502000'],
    [{}, 'an object'],
  ])('refuses %j and names the variable', (at, shown) => {
    expect(renderText('unreadable', '{{ at | local_time }}', { at })).toEqual({
      kind: 'refused',
      errorClass: 'template_variables',
      reason: `template unreadable/en/text: at: ${shown} is not a time; ISO 8601 is wanted, like 2026-12-23T15:00:00Z`,
    })
  })

  it('names the variable inside an assignment, too', () => {
    expect(renderText('assigned', '{% assign end = row.at | local_time %}', { row: { at: 'x' } })).toHaveProperty(
      'reason',
      expect.stringContaining('assigned/en/text: row.at: "x" is not a time'),
    )
  })
})

describe('the other filters', () => {
  it('shorten a text to so many characters, and split none', () => {
    const text = '{{ a | shorten: 4 }} {{ b | shorten: 4 }}'
    expect(renderText('short', text, { a: '😀😀😀😀', b: '😀😀😀😀😀' })).toMatchObject({ text: '😀😀😀😀 😀😀😀…\n' })
  })

  it('refuse a link that is not http or https', () => {
    for (const url of ['javascript:alert(1)', 'ftp://a.b', '//a.b', '', 'http://', 5]) {
      expect(renderText('link', '{{ url | web_link }}', { url })).toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('url: '),
      })
    }
    expect(renderText('link', '{{ url | web_link }}', { url: ' https://a.b/?c=d ' })).toMatchObject({
      text: 'https://a.b/?c=d\n',
    })
  })

  it.each([
    [1, 'день'],
    [2, 'дня'],
    [4, 'дня'],
    [5, 'дней'],
    [7, 'дней'],
    [11, 'дней'],
    [21, 'день'],
    ['22', 'дня'],
    [0, 'дней'],
  ])('give the Russian form for %j: %s', (days, form) => {
    const text = "{{ days | plural: 'день', 'дня', 'дней' }}"
    expect(renderText('plural', text, { days, locale: 'ru' })).toMatchObject({ text: `${form}\n` })
  })

  it('give the English form', () => {
    const text = "{{ a | plural: 'day', 'days' }} {{ b | plural: 'day', 'days' }}"
    expect(renderText('plural-en', text, { a: 1, b: 21 })).toMatchObject({ text: 'day days\n' })
  })

  it.each([1.5, -1, 'many', true, ''])('refuse to count %j', (days) => {
    expect(renderText('count', "{{ days | plural: 'day', 'days' }}", { days })).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('days: '),
    })
  })
})

describe('a template', () => {
  it('that does not exist is named, with those that do', () => {
    const rendered = render({ templateId: 'subscription_expires', variables: {}, defaultLocale: 'ru' })
    expect(rendered).toMatchObject({ kind: 'refused', errorClass: 'template_unknown' })
    expect(rendered).toHaveProperty(
      'reason',
      expect.stringMatching(/^template "subscription_expires" does not exist; there are .*greeting, .*plain/),
    )
  })

  it.each(['../templates/greeting', 'greeting/en', '..', '.', '', 'GREETING', 'greeting\0', 'layout.html'])(
    'name %j is unknown, not a path',
    (templateId) => {
      expect(render({ templateId, variables: {}, defaultLocale: 'ru' })).toMatchObject({
        errorClass: 'template_unknown',
      })
    },
  )

  it.each([
    ['{{ x | nofilter }}', 'undefined filter: nofilter'],
    ['{% if x %}', 'not closed'],
    ["{% include 'nowhere.liquid' %}", 'ENOENT'],
    ["{% layout 'nowhere.liquid' %}", 'ENOENT'],
    ["{% include '../../../../etc/passwd' %}", 'ENOENT'],
  ])('that holds %s is broken, and the reason says how', (text, reason) => {
    const rendered = renderText(`broken-${Math.random().toString(36).slice(2)}`, text, { x: 1 })
    expect(rendered).toMatchObject({ kind: 'refused', errorClass: 'template_broken' })
    expect(rendered).toHaveProperty('reason', expect.stringContaining(reason))
    expect(JSON.stringify(rendered)).not.toContain(directory)
  })

  it('without a subject is broken', () => {
    write({ 'half/en/text.liquid': 'x' })
    expect(render({ templateId: 'half', variables: {}, defaultLocale: 'en' })).toMatchObject({
      errorClass: 'template_broken',
      reason: expect.stringContaining('half/en/subject.liquid'),
    })
  })

  it('is read once', () => {
    expect(renderText('kept', 'first', {})).toMatchObject({ text: 'first\n' })
    expect(renderText('kept', 'second', {})).toMatchObject({ text: 'first\n' })
  })
})

import { describe, expect, it } from 'vitest'
import { renderTemplate } from '../../../src/email/render.ts'
import { type MailDraft, mailOf } from '../../../src/notifications/channels/email.ts'
import type { Notice } from '../../../src/notifications/notice.ts'

function noticeOf(given: Partial<Notice> = {}): Notice {
  return {
    id: 1,
    channel: 'email',
    companyId: 1,
    notificationType: 'video_ready',
    prio: 5,
    subject: 'Видео готово',
    message: 'Ваше <b>видео</b> готово',
    data: {},
    recipient: 'office@example.com',
    locale: 'ru',
    parts: null,
    digest: [],
    ...given,
  }
}

function draftOf(given: Partial<Notice> = {}): MailDraft {
  const made = mailOf(noticeOf(given))
  if (made.kind === 'skipped') throw new Error(made.reason)
  return made.mail
}

/** As the e-mail worker does, of what the row holds once it has been through JSON. */
function renderOf(given: Partial<Notice> = {}) {
  const { template_id: templateId, variables } = draftOf(given)
  const rendered = renderTemplate({ templateId, variables: JSON.parse(JSON.stringify(variables)), defaultLocale: 'ru' })
  if (rendered.kind === 'refused') throw new Error(rendered.reason)
  return { ...rendered, html: rendered.html ?? '' }
}

describe('the recipient', () => {
  it('is the one that the row names, as it is written', () => {
    expect(draftOf({ recipient: 'Иван <a@b.org>, c@d.org' }).recipient_to).toBe('Иван <a@b.org>, c@d.org')
  })

  it('may be partly wrong: the mail says so', () => {
    expect(draftOf({ recipient: 'nobody, c@d.org' }).recipient_to).toBe('nobody, c@d.org')
  })

  it.each([
    [null, 'no_recipient', 'Neither event_data.to nor'],
    [' ', 'no_recipient', 'Neither event_data.to nor'],
    ['nobody', 'recipient_invalid', '"nobody" has no @'],
    ['a@b.org\nBcc: c@d.org', 'recipient_invalid', 'holds a control character'],
    [`${'a'.repeat(60)}@b.org, `.repeat(4), 'recipient_invalid', 'longer than 255'],
  ])('%j is skipped as %s', (recipient, errorClass, reason) => {
    expect(mailOf(noticeOf({ recipient }))).toEqual({
      kind: 'skipped',
      errorClass,
      reason: expect.stringContaining(reason),
    })
  })
})

describe('with a template', () => {
  it('has what happened as its variables, and the language of the notice', () => {
    const data = { template: 'subscription_expired', entity_name: 'Лето', locale: null }
    expect(draftOf({ data, locale: 'en', subject: null, message: null, prio: 1 })).toEqual({
      recipient_to: 'office@example.com',
      subject: '',
      body: '',
      html: null,
      template_id: 'subscription_expired',
      variables: { ...data, locale: 'en' },
      priority: 1,
    })
  })

  it('keeps the language that is given', () => {
    expect(draftOf({ data: { template: 'x', locale: 'en-US' } }).variables.locale).toBe('en-US')
  })

  it('whose name is too long for a mail is skipped', () => {
    expect(mailOf(noticeOf({ data: { template: 'x'.repeat(101) } }))).toMatchObject({ errorClass: 'template_unknown' })
  })

  it.each([undefined, null, '', ' ', 7, ['x']])('named %j has the standard layout', (template) => {
    expect(draftOf({ data: { template } }).template_id).toBe('notification')
  })
})

describe('in the standard layout', () => {
  it('shows subject and message', () => {
    const { subject, text, html } = renderOf()
    expect(subject).toBe('Видео готово')
    expect(text).toBe(
      'Видео готово\n\nВаше видео готово\n\n--\nVertex AR\nЭто письмо отправлено автоматически. Отвечать на него не нужно.\n',
    )
    expect(html).toContain('>Видео готово</h1>')
    expect(html).toContain('>Ваше <strong>видео</strong> готово</div>')
  })

  it('speaks the language of the notice', () => {
    expect(renderOf({ locale: 'en' }).text).toContain('This message was sent automatically')
  })

  it('does without a subject or without a message', () => {
    expect(renderOf({ subject: null })).toMatchObject({ subject: 'Уведомление' })
    expect(renderOf({ subject: ' ', locale: 'en' })).toMatchObject({ subject: 'Notice' })
    expect(renderOf({ message: null }).text).toMatch(/^Видео готово\n\n--\n/)
  })

  it('is not made where there is nothing to tell', () => {
    expect(mailOf(noticeOf({ subject: ' ', message: null }))).toMatchObject({
      kind: 'skipped',
      errorClass: 'message_empty',
    })
  })

  it('may be an image alone', () => {
    const { subject, html } = renderOf({ subject: null, message: null, data: { image_url: 'https://e.org/a.png' } })
    expect(subject).toBe('Уведомление')
    expect(html).toContain('<img src="https://e.org/a.png"')
  })

  it('says what is urgent', () => {
    expect(renderOf({ prio: 1 }).html).toContain('>Срочно</td>')
    expect(renderOf({ prio: 3 }).html).toContain('>Уведомление</td>')
  })

  it('lists a subject of 500 characters at most, on one line, without splitting any of them', () => {
    const { subject } = draftOf({ subject: `a\r\nb${'😀'.repeat(500)}` })
    expect([...subject]).toHaveLength(500)
    expect(subject).toMatch(/^a b😀+…$/u)
    expect(subject.isWellFormed()).toBe(true)
  })

  it('has the buttons that lead somewhere on the web, in rows or in a list', () => {
    const buttons = [
      [
        { text: 'Открыть', url: 'https://e.org/?a=1&b=2' },
        { text: 'Чат', url: 'tg://resolve?domain=x' },
      ],
      { text: ' ', url: 'http://e.org' },
      { text: 'Нет' },
      'button',
      null,
    ]
    const { text, html } = renderOf({ data: { buttons } })
    expect(text).toContain('\n\nОткрыть:\nhttps://e.org/?a=1&b=2\n\nhttp://e.org:\nhttp://e.org\n\n--\n')
    expect(html.match(/<a /g)).toHaveLength(2)
    expect(html).toContain('<a href="https://e.org/?a=1&amp;b=2"')
  })

  it.each([
    ['https://e.org/a.png?x="onerror=1', 'src="https://e.org/a.png?x=&#34;onerror=1"'],
    ['http://e.org/a.png', undefined],
    ['file:///etc/passwd', undefined],
    [7, undefined],
  ])('shows the image at %j only if it comes by https', (image, shown) => {
    const { html } = renderOf({ data: { image_url: image } })
    if (shown) expect(html).toContain(shown)
    else expect(html).not.toContain('<img')
  })

  it('shows nothing as HTML that is not simple markup', () => {
    const { html } = renderOf({ subject: '<b>x</b>', message: '<img src=x><a href="https://e.org" onclick="x">y</a>' })
    expect(html).toContain('&lt;b&gt;x&lt;/b&gt;</h1>')
    expect(html).toContain('&lt;img src=x&gt;<a href="https://e.org" target="_blank"')
    expect(html).not.toContain('onclick')
  })
})

describe('a digest', () => {
  const told = (id: number, subject: string | null, message: string | null, data = {}) => ({
    id,
    subject,
    message,
    data,
  })
  const digest = [
    told(1, 'Первое', '<i>один</i>', { template: 'subscription_expired', image_url: 'https://e.org/1.png' }),
    told(2, null, 'два', { buttons: [{ text: 'Открыть', url: 'https://e.org' }] }),
    told(3, 'Третье', null),
  ]

  it('tells everything in order, with headings', () => {
    const { subject, text, html } = renderOf({ digest, subject: 'Первое', data: { template: 'subscription_expired' } })
    expect(subject).toBe('3 уведомления: Первое …')
    expect(text).toMatch(
      /^3 уведомления\n\n1\. Первое\n\nодин\n\n2\.\n\nдва\n\nОткрыть:\nhttps:\/\/e\.org\n\n3\. Третье\n\n--\n/,
    )
    expect(html).toMatch(/3 уведомления<\/h1>.*>Первое<\/h2>.*<em>один<\/em>.*>два<.*>Третье<\/h2>/s)
    expect(html.match(/<h2/g)).toHaveLength(2)
  })

  it('is counted in English, too', () => {
    expect(renderOf({ digest: digest.slice(1), locale: 'en' }).subject).toBe('2 notices')
  })

  it('tells each notice in full up to 25', () => {
    const { html, text } = renderOf({ digest: Array.from({ length: 25 }, (_, n) => told(n, `Тема ${n}`, 'слово')) })
    expect(html.match(/<h2/g)).toHaveLength(25)
    expect(text.match(/слово/g)).toHaveLength(25)
  })

  it('lists the subjects of more than that', () => {
    const many = Array.from({ length: 26 }, (_, n) =>
      told(n, n === 2 ? 'A & B' : `Тема ${n}`, 'слово', { image_url: 'https://e.org/1.png' }),
    )
    const { subject, html, text } = renderOf({ digest: many })
    expect(subject).toBe('26 уведомлений: Тема 0 …')
    expect(text).toMatch(/^26 уведомлений\n\n1\. Тема 0\n2\. Тема 1\n3\. A & B\n.*\n26\. Тема 25\n\n--\n/s)
    expect(html).toMatch(
      />26 уведомлений<\/h1>\n\s*<ol [^>]*>\n<li>Тема 0<\/li>\n.*<li>A &amp; B<\/li>\n.*<li>Тема 25<\/li>\n<\/ol>\s*<\/td>/s,
    )
    expect(html.match(/<li>/g)).toHaveLength(26)
    expect(`${html}${text}`).not.toMatch(/слово|<img|<h2|ещё/)
  })

  it.each([
    ['ru', '1000 уведомлений', '… и ещё 500'],
    ['en', '1000 notices', '… and 500 more'],
  ] as const)('counts in %s what it does not list, and all of them in heading and subject', (locale, count, rest) => {
    const many = Array.from({ length: 1_000 }, (_, n) => told(n, `Тема ${n}`, null))
    const { subject, html, text } = renderOf({ digest: many, locale })
    expect(subject).toBe(`${count}: Тема 0 …`)
    expect(text).toMatch(new RegExp(`^${count}\n\n1\\. Тема 0\n.*\n500\\. Тема 499\n\n${rest}\n\n--\n`, 's'))
    expect(html).toMatch(new RegExp(`>${count}</h1>.*<li>Тема 499</li>\n</ol>\n<p [^>]*>${rest}</p>`, 's'))
  })

  it('stays below what mail programs cut off, whatever the subjects are', () => {
    const { html } = renderOf({ digest: Array.from({ length: 1_000 }, (_, n) => told(n, 'Я'.repeat(500), null)) })
    expect(Buffer.byteLength(html)).toBeLessThan(100_000)
    expect(html).toMatch(/… и ещё \d+<\/p>/)
  })

  it('is not made where none has anything to tell', () => {
    expect(mailOf(noticeOf({ digest: [told(1, null, null), told(2, '', '')] }))).toMatchObject({
      errorClass: 'message_empty',
    })
  })
})

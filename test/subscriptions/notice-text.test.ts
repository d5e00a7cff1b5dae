import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createRenderer, renderTemplate } from '../../src/email/render.ts'
import { smsText } from '../../src/notifications/channels/sms/sms-text.ts'
import { composeMessage } from '../../src/notifications/channels/telegram/message.ts'
import type { Notice } from '../../src/notifications/notice.ts'
import {
  createNoticeWriter,
  type NoticeFacts,
  type NoticeText,
  writeNotice,
} from '../../src/subscriptions/notice-text.ts'

const endsAt = new Date('2026-12-23T15:00:00Z')
/** The opening of that day, at nine in Moscow. */
const morningOf = (day: string): Date => new Date(`${day}T06:00:00Z`)

const facts: NoticeFacts = {
  template: 'subscription_expiring_7d',
  entityType: 'projects',
  entityName: 'Летняя выставка',
  companyName: 'ООО «Ромашка»',
  endsAt,
  toldAt: morningOf('2026-12-16'),
  autoRenew: false,
  locale: 'ru',
  timezone: 'Europe/Moscow',
}

function write(given: Partial<NoticeFacts>): NoticeText {
  const text = writeNotice({ ...facts, ...given })
  if ('fault' in text) throw new Error(text.fault)
  return text
}

const dayBefore = { template: 'subscription_expiring_24h', toldAt: morningOf('2026-12-23') }
const ended = { template: 'subscription_expired', toldAt: morningOf('2026-12-24') }
const suspended = { template: 'subscription_suspended', toldAt: morningOf('2027-01-07') }
const company = { entityType: 'companies', entityName: 'ООО «Ромашка»' } as const
const english = { locale: 'en', timezone: 'Europe/London' } as const
const acme = { ...english, companyName: 'Acme' } as const

type Row = [what: string, given: Partial<NoticeFacts>, subject: string, message: string]

const inRussian: Row[] = [
  [
    'a project, a week before',
    {},
    'Подписка на проект «Летняя выставка» закончится через 7 дней, 23 декабря 2026 г.',
    'Подписка на проект «Летняя выставка» действует до 23 декабря 2026 г., 18:00 (МСК). После этого AR-контент перестанет показываться, а материалы сохранятся на льготный период. Продлите подписку до этого срока, и показ не прервётся.',
  ],
  [
    'a project that renews by itself',
    { autoRenew: true },
    'Подписка на проект «Летняя выставка» продлится автоматически 23 декабря 2026 г.',
    'Подписка на проект «Летняя выставка» продлится автоматически 23 декабря 2026 г., 18:00 (МСК). Делать ничего не нужно. Если продлевать её вы не планируете, отключите автопродление до этого срока.',
  ],
  [
    'a portrait',
    { entityType: 'portraits', entityName: 'anna.jpg' },
    'Подписка на портрет «anna.jpg» закончится через 7 дней, 23 декабря 2026 г.',
    'Подписка на портрет «anna.jpg» действует до 23 декабря 2026 г., 18:00 (МСК). После этого AR-контент перестанет показываться, а материалы сохранятся на льготный период. Продлите подписку до этого срока, и показ не прервётся.',
  ],
  [
    'a company',
    company,
    'Подписка компании ООО «Ромашка» закончится через 7 дней, 23 декабря 2026 г.',
    'Подписка компании ООО «Ромашка» действует до 23 декабря 2026 г., 18:00 (МСК). После этого AR-контент компании может перестать показываться. Продлите подписку до этого срока, и показ не прервётся.',
  ],
  [
    'a project, within the last day',
    dayBefore,
    'Подписка на проект «Летняя выставка» закончится меньше чем через сутки, 23 декабря 2026 г., 18:00 (МСК)',
    'Подписка на проект «Летняя выставка» действует до 23 декабря 2026 г., 18:00 (МСК). После этого AR-контент перестанет показываться, а материалы сохранятся на льготный период. Это последнее напоминание: продлите подписку до этого срока, и показ не прервётся.',
  ],
  [
    'a project that renews by itself within the day',
    { ...dayBefore, autoRenew: true },
    'Подписка на проект «Летняя выставка» продлится автоматически 23 декабря 2026 г., 18:00 (МСК)',
    'Подписка на проект «Летняя выставка» продлится автоматически 23 декабря 2026 г., 18:00 (МСК). Делать ничего не нужно. Если продлевать её вы не планируете, отключите автопродление до этого срока.',
  ],
  [
    'a company, within the last day',
    { ...dayBefore, ...company },
    'Подписка компании ООО «Ромашка» закончится меньше чем через сутки, 23 декабря 2026 г., 18:00 (МСК)',
    'Подписка компании ООО «Ромашка» действует до 23 декабря 2026 г., 18:00 (МСК). После этого AR-контент компании может перестать показываться. Это последнее напоминание: продлите подписку до этого срока, и показ не прервётся.',
  ],
  [
    'a project that has ended',
    ended,
    'Подписка на проект «Летняя выставка» закончилась 23 декабря 2026 г.',
    'Подписка на проект «Летняя выставка» закончилась 23 декабря 2026 г., 18:00 (МСК). AR-контент больше не показывается, но материалы хранятся в течение льготного периода. Продлите подписку, и показ возобновится.',
  ],
  [
    'a project that should have renewed itself',
    { ...ended, autoRenew: true },
    'Подписка на проект «Летняя выставка» закончилась 23 декабря 2026 г.',
    'Подписка на проект «Летняя выставка» закончилась 23 декабря 2026 г., 18:00 (МСК). Автоматически продлить её не удалось. AR-контент больше не показывается, но материалы хранятся в течение льготного периода. Продлите подписку, и показ возобновится.',
  ],
  [
    'a portrait that has ended, three days after',
    { ...ended, entityType: 'portraits', entityName: 'anna.jpg', toldAt: morningOf('2026-12-26') },
    'Подписка на портрет «anna.jpg» закончилась 23 декабря 2026 г.',
    'Подписка на портрет «anna.jpg» закончилась 23 декабря 2026 г., 18:00 (МСК). AR-контент больше не показывается, но материалы хранятся в течение льготного периода. Продлите подписку, и показ возобновится.',
  ],
  [
    'a company whose own has ended',
    { ...ended, ...company },
    'Подписка компании ООО «Ромашка» закончилась 23 декабря 2026 г.',
    'Подписка компании ООО «Ромашка» закончилась 23 декабря 2026 г., 18:00 (МСК). AR-контент компании может больше не показываться, но материалы не удалены. Продлите подписку, и показ возобновится.',
  ],
  [
    'a project whose grace period is over, for the administrator',
    suspended,
    'Приостановлено: проект «Летняя выставка» (ООО «Ромашка»), подписка закончилась 23 декабря 2026 г.',
    'Подписка на проект «Летняя выставка» (ООО «Ромашка») закончилась 23 декабря 2026 г., 18:00 (МСК). Её не продлили, льготный период прошёл, и теперь она приостановлена. Файлы и настройки не удалены.',
  ],
]

const inEnglish: Row[] = [
  [
    'a project, a week before',
    { ...english, entityName: 'Summer exhibition' },
    'Your subscription for the project “Summer exhibition” ends in 7 days, on 23 December 2026',
    'Your subscription for the project “Summer exhibition” runs until 23 December 2026, 15:00 (GMT). After that the AR content stops being shown; the materials are kept for a grace period. Renew before then, and nothing is interrupted.',
  ],
  [
    'a project that renews by itself',
    { ...english, entityName: 'Summer exhibition', autoRenew: true },
    'Your subscription for the project “Summer exhibition” renews by itself on 23 December 2026',
    'Your subscription for the project “Summer exhibition” renews by itself on 23 December 2026, 15:00 (GMT). There is nothing you need to do. If you would rather not renew, turn automatic renewal off before then.',
  ],
  [
    'a portrait, within the last day',
    { ...dayBefore, ...english, entityType: 'portraits', entityName: 'anna.jpg' },
    'Your subscription for the portrait “anna.jpg” ends in less than 24 hours, on 23 December 2026, 15:00 (GMT)',
    'Your subscription for the portrait “anna.jpg” runs until 23 December 2026, 15:00 (GMT). After that the AR content stops being shown; the materials are kept for a grace period. This is the last reminder: renew before then, and nothing is interrupted.',
  ],
  [
    'a company',
    { ...acme, entityType: 'companies', entityName: 'Acme' },
    'Your subscription for the company Acme ends in 7 days, on 23 December 2026',
    'Your subscription for the company Acme runs until 23 December 2026, 15:00 (GMT). After that the AR content of your company may stop being shown. Renew before then, and nothing is interrupted.',
  ],
  [
    'a project that should have renewed itself',
    { ...ended, ...english, entityName: 'Summer exhibition', autoRenew: true },
    'Your subscription for the project “Summer exhibition” ended on 23 December 2026',
    'Your subscription for the project “Summer exhibition” ended on 23 December 2026, 15:00 (GMT). It could not be renewed automatically. The AR content is no longer shown, but the materials are kept for a grace period. Renew the subscription, and everything works again.',
  ],
  [
    'a company whose own has ended',
    { ...ended, ...acme, entityType: 'companies', entityName: 'Acme' },
    'Your subscription for the company Acme ended on 23 December 2026',
    'Your subscription for the company Acme ended on 23 December 2026, 15:00 (GMT). The AR content of your company may no longer be shown, but nothing has been deleted. Renew the subscription, and everything works again.',
  ],
  [
    'a portrait whose grace period is over, for the administrator',
    { ...suspended, ...acme, entityType: 'portraits', entityName: 'anna.jpg' },
    'Suspended: the portrait “anna.jpg” (Acme), subscription ended on 23 December 2026',
    'The subscription for the portrait “anna.jpg” (Acme) ended on 23 December 2026, 15:00 (GMT). It was not renewed, the grace period is over, and it is suspended now. Files and settings have not been deleted.',
  ],
]

describe.each([
  ['in Russian', inRussian],
  ['in English', inEnglish],
])('a notice %s', (_, rows) => {
  it.each(rows)('of %s', (_what, given, subject, message) => {
    expect(write(given)).toMatchObject({ subject, message })
  })
})

describe('the days until the end', () => {
  it.each([
    ['2026-11-23', 'через 30 дней, 23 декабря'],
    ['2026-12-02', 'через 21 день, 23 декабря'],
    ['2026-12-01', 'через 22 дня, 23 декабря'],
    ['2026-12-12', 'через 11 дней, 23 декабря'],
    ['2026-12-20', 'через 3 дня, 23 декабря'],
    ['2026-12-22', 'через 1 день, 23 декабря'],
    ['2026-12-23', 'закончится 23 декабря'],
    ['2025-12-23', 'через 365 дней, 23 декабря'],
  ])('counted from %s read "%s"', (day, words) => {
    expect(write({ toldAt: morningOf(day) }).subject).toContain(`${words} 2026 г.`)
  })

  it.each([
    ['2026-12-22', 'ends in 1 day, on'],
    ['2026-12-02', 'ends in 21 days, on'],
    ['2026-12-23', 'ends on'],
  ])('counted from %s read "%s"', (day, words) => {
    expect(write({ ...english, toldAt: morningOf(day) }).subject).toContain(`${words} 23 December 2026`)
  })

  it('are those of the calendar where the company is', () => {
    const given = { endsAt: new Date('2026-12-23T15:00:00Z'), toldAt: new Date('2026-12-16T13:59:00Z') }
    // There, the end is on the 24th and the notice still on the 16th.
    expect(write({ ...given, timezone: 'Asia/Vladivostok' }).subject).toContain('через 8 дней, 24 декабря 2026 г.')
    expect(write({ ...given, timezone: 'Europe/Moscow' }).subject).toContain('через 7 дней, 23 декабря 2026 г.')
  })

  it('are left out once it has passed', () => {
    expect(write({ toldAt: endsAt }).variables).not.toHaveProperty('days_left')
    expect(write({ toldAt: new Date(endsAt.getTime() - 1) }).variables).toHaveProperty('days_left', 0)
  })
})

describe('the variables', () => {
  it('are those that templates take', () => {
    expect(write({}).variables).toEqual({
      template: 'subscription_expiring_7d',
      locale: 'ru',
      timezone: 'Europe/Moscow',
      entity_type: 'project',
      entity_name: 'Летняя выставка',
      company_name: 'ООО «Ромашка»',
      ends_at: '2026-12-23T15:00:00.000Z',
      days_left: 7,
      auto_renew: false,
    })
  })

  it.each([
    ['projects', 'project'],
    ['portraits', 'portrait'],
    ['companies', 'company'],
  ] as const)('call one of %s a %s', (entityType, word) => {
    expect(write({ entityType }).variables.entity_type).toBe(word)
  })

  it('make a mail with the same subject', () => {
    for (const given of [{}, dayBefore, ended, suspended]) {
      const { subject, variables } = write(given)
      const templateId = String(variables.template)
      const mail = renderTemplate({ templateId, variables: JSON.parse(JSON.stringify(variables)), defaultLocale: 'en' })
      expect(mail).toMatchObject({ kind: 'rendered', subject })
    }
  })
})

describe('a name', () => {
  const noticeOf = ({ subject, message, variables }: NoticeText): Notice => ({
    id: 1,
    subject,
    message,
    data: variables,
    channel: 'telegram',
    companyId: 1,
    notificationType: 'expiry_warning',
    prio: 5,
    recipient: '1',
    locale: 'ru',
    parts: null,
    digest: [],
  })

  it('with markup in it is text in every channel', () => {
    const text = write({ entityName: '<b>Co & "O\'Neil"</i>', ...ended })
    expect(text.subject).toBe('Подписка на проект «<b>Co & "O\'Neil"</i>» закончилась 23 декабря 2026 г.')
    expect(text.message).toContain('«&lt;b&gt;Co &amp; &#34;O&#39;Neil&#34;&lt;/i&gt;» закончилась')
    expect(composeMessage(noticeOf(text)).parts).toEqual([
      {
        html: `<b>Подписка на проект «&lt;b&gt;Co &amp; "O'Neil"&lt;/i&gt;» закончилась 23 декабря 2026 г.</b>\n\n${text.message}`,
        imageUrl: undefined,
        buttons: [],
      },
    ])
    expect(smsText(noticeOf(text)).split('\n')[1]).toContain('«<b>Co & "O\'Neil"</i>» закончилась')
  })

  it('with Liquid in it is not a template', () => {
    expect(write({ entityName: '{{ company_name }}{% raw %}' }).message).toContain('«{{ company_name }}{% raw %}»')
  })

  it('of several lines is on one', () => {
    const { subject, message, variables } = write({
      entityName: ' a\r\nBcc: x@e.org\u2028b\u0000\n',
      companyName: 'c\n\nd',
    })
    expect(subject).toContain('«a Bcc: x@e.org b»')
    expect(message).toContain('«a Bcc: x@e.org b»')
    expect(message).not.toContain('\n')
    expect(variables).toMatchObject({ entity_name: 'a Bcc: x@e.org b', company_name: 'c d' })
  })

  it('of 255 characters leaves room for the day in the subject, and is whole in the message', () => {
    const name = '😀'.repeat(255)
    const { subject, message } = write({ ...suspended, entityName: name, companyName: name })
    const short = `${'😀'.repeat(79)}…`
    expect(subject).toBe(`Приостановлено: проект «${short}» (${short}), подписка закончилась 23 декабря 2026 г.`)
    expect(message).toContain(`«${name}» (${name})`)
  })

  it.each(['', ' ', '\n'])('of nothing but %j is said to be missing', (entityName) => {
    expect(write({ entityName }).subject).toMatch(/^Подписка на проект «без названия» /)
    expect(write({ entityName, ...english }).subject).toMatch(/^Your subscription for the project “untitled” /)
  })
})

describe('a stage', () => {
  it('whose template does not exist gives a fault that names it', () => {
    expect(writeNotice({ ...facts, template: 'subscription_expiring_30d' })).toEqual({
      fault: expect.stringMatching(
        /^template "subscription_expiring_30d" does not exist; there are .*subscription_expired/,
      ),
    })
  })

  it('whose template wants what no subscription has gives a fault that names it, every time', () => {
    for (const entityName of ['a', 'b'])
      expect(writeNotice({ ...facts, entityName, template: 'notification' })).toEqual({
        fault: expect.stringMatching(/^template notification\/ru\/text needs the variable items/),
      })
  })
})

describe('a template without a message', () => {
  const directory = mkdtempSync(join(tmpdir(), 'templates-'))
  cpSync(join(import.meta.dirname, '../../src/email/templates'), directory, { recursive: true })
  mkdirSync(join(directory, 'farewell/ru'), { recursive: true })
  writeFileSync(join(directory, 'farewell/ru/subject.liquid'), 'До встречи, {{ entity_name }}')
  writeFileSync(join(directory, 'farewell/ru/text.liquid'), 'До встречи!')
  const writeFarewell = createNoticeWriter(createRenderer(directory))
  afterAll(() => rmSync(directory, { recursive: true }))

  it.each([
    ['ahead', morningOf('2026-12-16'), write({}).message],
    ['past', morningOf('2026-12-24'), write(ended).message],
  ])('has its own subject, and the standard message of an end that is %s', (_, toldAt, message) => {
    expect(writeFarewell({ ...facts, template: 'farewell', toldAt })).toMatchObject({
      subject: 'До встречи, Летняя выставка',
      message,
    })
  })

  it('has a subject that its column holds, whatever its text', () => {
    mkdirSync(join(directory, 'long/ru'), { recursive: true })
    writeFileSync(join(directory, 'long/ru/subject.liquid'), '{{ entity_name }}'.repeat(3))
    writeFileSync(join(directory, 'long/ru/text.liquid'), '')
    const text = writeFarewell({ ...facts, template: 'long', entityName: '😀'.repeat(255) })
    expect(text).toHaveProperty('subject', `${'😀'.repeat(499)}…`)
  })
})

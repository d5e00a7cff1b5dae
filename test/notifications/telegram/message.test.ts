import { describe, expect, test } from 'vitest'
import { composeMessage, longestText } from '../../../src/notifications/channels/telegram/message.ts'
import { makeNotice } from './notice.ts'

function texts(given: Parameters<typeof makeNotice>[0]): string[] {
  return composeMessage(makeNotice(given)).parts.map(({ html }) => html)
}

describe('the text of a notice', () => {
  test('is the subject in bold and escaped, then the message with its own markup', () => {
    expect(texts({ subject: 'A & B <ok>' })).toEqual(['<b>A &amp; B &lt;ok&gt;</b>\n\nEnds <b>tomorrow</b>.'])
  })

  test.each([
    [{ subject: null }, 'Ends <b>tomorrow</b>.'],
    [{ subject: '  ' }, 'Ends <b>tomorrow</b>.'],
    [{ message: null }, '<b>Subscription</b>'],
  ])('leaves out what there is not: %j', (given, html) => {
    expect(texts(given)).toEqual([html])
  })

  test('is none where there is nothing to say', () => {
    expect(texts({ subject: null, message: ' \n' })).toEqual([])
  })

  test('is split over 4,096 characters', () => {
    const [first = '', second] = texts({ subject: null, message: `${'a'.repeat(3_000)}\n\n${'b'.repeat(3_000)}` })
    expect([first.length, second?.length]).toEqual([3_000, 3_000])
  })
})

describe('an image', () => {
  const data = { image_url: 'https://example.com/a.png' }

  test('stands above the text', () => {
    expect(composeMessage(makeNotice({ data })).parts).toMatchObject([{ imageUrl: data.image_url }])
  })

  test('has a caption of 1,024 characters at most; the rest of the text follows without it', () => {
    const message = `${'a'.repeat(800)}\n\n${'b'.repeat(3_000)}`
    const { parts } = composeMessage(makeNotice({ data, subject: null, message }))
    expect(parts.map(({ html, imageUrl }) => [html.length, imageUrl])).toEqual([
      [800, data.image_url],
      [3_000, undefined],
    ])
  })

  test('needs no text', () => {
    const { parts } = composeMessage(makeNotice({ data, subject: null, message: null }))
    expect(parts).toMatchObject([{ html: '', imageUrl: data.image_url }])
  })

  test.each(['ftp://example.com/a.png', 'a.png', '', 5, {}])(
    'that is no http or https URL is left out: %j',
    (image_url) => {
      const { parts, leftOut } = composeMessage(makeNotice({ data: { image_url } }))
      expect(parts).toMatchObject([{ imageUrl: undefined }])
      expect(leftOut).toEqual(['image_url is no http or https URL'])
    },
  )
})

describe('buttons', () => {
  const renew = { text: 'Renew', url: 'https://example.com/renew' }
  const write = { text: 'Write', url: 'tg://resolve?domain=vertexar' }

  test.each([
    ['one below the other', [renew, write], [[renew], [write]]],
    ['in rows', [[renew, write], [renew]], [[renew, write], [renew]]],
    ['with their address for want of a text', [{ text: ' ', url: renew.url }], [[{ text: renew.url, url: renew.url }]]],
  ])('stand %s', (_how, buttons, rows) => {
    const { parts, leftOut } = composeMessage(makeNotice({ data: { buttons } }))
    expect(parts).toMatchObject([{ buttons: rows }])
    expect(leftOut).toEqual([])
  })

  test('stand below the last part', () => {
    const message = `${'a'.repeat(3_000)}\n\n${'b'.repeat(3_000)}`
    const { parts } = composeMessage(makeNotice({ message, data: { buttons: [renew] } }))
    expect(parts.map(({ buttons }) => buttons)).toEqual([[], [[renew]]])
  })

  test.each([
    { text: 'Run', url: 'javascript:alert(1)' },
    { text: 'Run', url: 'no url' },
    { text: 'Run' },
    'https://example.com',
    null,
  ])('that Telegram would refuse the message for are left out: %j', (button) => {
    const { parts, leftOut } = composeMessage(makeNotice({ data: { buttons: [button, renew] } }))
    expect(parts).toMatchObject([{ buttons: [[renew]] }])
    expect(leftOut).toEqual(['a button needs an http, https or tg URL'])
  })

  test('that are no list are left out', () => {
    const { parts, leftOut } = composeMessage(makeNotice({ data: { buttons: { renew } } }))
    expect(parts).toMatchObject([{ buttons: [] }])
    expect(leftOut).toEqual(['buttons is no list'])
  })
})

describe('a digest', () => {
  const told = (id: number, given: object) => ({ id, subject: `No. ${id}`, message: 'Text', data: {}, ...given })

  test('lists its notices, with what is escaped and what is markup', () => {
    const digest = [told(1, { subject: 'A & B' }), told(2, { message: '<i>two</i>' }), told(3, { message: null })]
    expect(texts({ digest })).toEqual([
      '<b>3 notifications</b>\n\n<b>A &amp; B</b>\nText\n\n<b>No. 2</b>\n<i>two</i>\n\n<b>No. 3</b>',
    ])
    expect(texts({ digest, locale: 'ru' })[0]).toMatch(/^<b>Уведомлений: 3<\/b>\n\n/)
  })

  test('has images and buttons as links below their notice', () => {
    const data = { image_url: 'https://example.com/?a=1&b="', buttons: [{ text: 'Go >', url: 'https://example.com' }] }
    const { parts } = composeMessage(makeNotice({ digest: [told(1, { data }), told(2, {})] }))
    expect(parts).toMatchObject([{ imageUrl: undefined, buttons: [] }])
    expect(parts[0]?.html).toContain(
      'Text\n<a href="https://example.com/?a=1&amp;b=&#34;">Image</a> · <a href="https://example.com">Go &gt;</a>\n\n',
    )
  })

  test('takes the tags out of a notice whose markup is wrong, so that the others keep theirs', () => {
    const digest = [told(1, { message: '<b>open & <x>' }), told(2, { message: '<b>fine</b>' })]
    expect(texts({ digest })[0]).toContain('\nopen &amp; &lt;x&gt;\n\n<b>No. 2</b>\n<b>fine</b>')
  })

  test('of five notices is told whole, however long they are', () => {
    const digest = [1, 2, 3, 4, 5].map((id) => told(id, { message: 'a'.repeat(2_000) }))
    const all = texts({ digest })
    expect(all).toHaveLength(3)
    expect(all.join('').match(/a{2000}/g)).toHaveLength(5)
  })
})

describe('a digest of many notices', () => {
  const told = (id: number, given: object = {}) => ({ id, subject: `No. ${id}`, message: 'Text', data: {}, ...given })
  const many = (count: number, given: object = {}) => Array.from({ length: count }, (_, n) => told(n + 1, given))

  test('is told whole up to 25', () => {
    const [html = '', ...rest] = texts({ digest: many(25) })
    expect(rest).toEqual([])
    expect(html.match(/\nText/g)).toHaveLength(25)
  })

  test('lists the subjects from 26 on', () => {
    expect(texts({ digest: many(26, { subject: 'A & B', message: 'Text' }) })).toEqual([
      `<b>26 notifications</b>\n\n${Array.from({ length: 26 }, () => '• A &amp; B').join('\n')}`,
    ])
  })

  test('lists the subjects where the whole is too long for one message', () => {
    const lines = [1, 2, 3, 4, 5, 6].map((id) => `• No. ${id}`)
    expect(texts({ digest: many(6, { message: 'a'.repeat(2_000) }) })).toEqual([
      `<b>6 notifications</b>\n\n${lines.join('\n')}`,
    ])
  })

  test.each([
    ['en', '1000 notifications', /\n… and (\d+) more$/],
    ['ru', 'Уведомлений: 1000', /\n… и ещё (\d+)$/],
  ] as const)('is one message in %s, which counts what it does not list', (locale, heading, last) => {
    const digest = Array.from({ length: 1_000 }, (_, n) =>
      told(n, { subject: `Портрет «Иванов ${n}» & К ${'я'.repeat(n % 90)}` }),
    )
    const { parts } = composeMessage(makeNotice({ digest, locale }))
    expect(parts).toMatchObject([{ imageUrl: undefined, buttons: [] }])
    const html = parts[0]?.html ?? ''
    expect(html.startsWith(`<b>${heading}</b>\n\n• Портрет «Иванов 0» &amp; К\n`)).toBe(true)
    expect(html.match(/^• /gm)).toHaveLength(1_000 - Number(last.exec(html)?.[1]))
    const reads = html.replace(/<[^>]*>/g, '').replaceAll('&amp;', '&')
    expect(reads.length).toBeLessThanOrEqual(longestText)
    expect(reads.length).toBeGreaterThan(longestText - 300)
  })

  test('says how the message begins where there is no subject, in one line and without markup', () => {
    const digest = many(26, { subject: ' ', message: `<b>Ends</b>\n${'soon '.repeat(100)}` })
    const [, line = ''] = texts({ digest })[0]?.split('\n\n') ?? []
    expect(line.split('\n')[0]).toMatch(/^• Ends soon soon .*…$/)
    expect(line.split('\n')[0]?.length).toBeLessThanOrEqual(122)
  })

  test('of notices without any text only counts', () => {
    expect(texts({ digest: many(30, { subject: '', message: null }) })).toEqual([
      '<b>30 notifications</b>\n\n… and 30 more',
    ])
  })
})

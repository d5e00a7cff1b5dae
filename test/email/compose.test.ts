import fc from 'fast-check'
import { type AddressObject, type ParsedMail, simpleParser } from 'mailparser'
import MailComposer from 'nodemailer/lib/mail-composer'
import { encodeWord } from 'nodemailer/lib/mime-funcs'
import { describe, expect, it } from 'vitest'
import { composeMessage, type Draft } from '../../src/email/compose.ts'
import { arbitraryDraft } from './arbitrary-drafts.ts'

const draft: Draft = {
  from: { name: 'Vertex AR', address: 'no-reply@vertexar.com' },
  to: [{ name: 'Иван Петров', address: 'ivan@example.com' }],
  cc: [],
  subject: 'Подписка закончится через 7 дней',
  text: 'Здравствуйте!\n',
  html: '<p>Здравствуйте!</p>\n',
  messageId: '<e-12.7f3a@vertexar.com>',
  date: new Date('2026-11-22T19:42:00.789Z'),
}

async function compose(change: Partial<Draft> = {}): Promise<string> {
  return (await composeMessage({ ...draft, ...change })).toString()
}

async function roundTrip(change: Partial<Draft>): Promise<ParsedMail> {
  return simpleParser(await composeMessage({ ...draft, ...change }), { skipHtmlToText: true, skipTextToHtml: true })
}

/** The header, unfolded: one entry a field, in order. */
function fieldsOf(message: string): string[] {
  const header = message.slice(0, message.indexOf('\r\n\r\n'))
  return header.replace(/\r\n[ \t]/g, ' ').split('\r\n')
}

function namesOf(message: string): string[] {
  return fieldsOf(message).map((field) => field.slice(0, field.indexOf(':')))
}

function mailboxesOf(field: AddressObject | AddressObject[] | undefined) {
  const list = [field ?? []].flat().flatMap(({ value }) => value)
  return list.map(({ name, address }) => ({ name, address }))
}

describe('the header', () => {
  it('holds what the draft says, and nothing else', async () => {
    const message = await compose({ cc: [{ name: '', address: 'cc@example.com' }] })
    expect(namesOf(message)).toEqual([
      'Auto-Submitted',
      'From',
      'To',
      'Cc',
      'Subject',
      'Message-ID',
      'Date',
      'MIME-Version',
      'Content-Type',
    ])
    expect(fieldsOf(message)).toEqual(
      expect.arrayContaining([
        'Auto-Submitted: auto-generated',
        'From: Vertex AR <no-reply@vertexar.com>',
        'Cc: cc@example.com',
        'Message-ID: <e-12.7f3a@vertexar.com>',
        'Date: Sun, 22 Nov 2026 19:42:00 +0000',
        'MIME-Version: 1.0',
      ]),
    )
  })

  it('keeps a long Message-ID as it is', async () => {
    const messageId = `<${'e-12.'.repeat(40)}7f3a@mail.vertexar.com>`
    expect(await compose({ messageId })).toContain(messageId)
  })

  it('takes further fields, which cannot inject others either', async () => {
    const message = await compose({ headers: { 'List-Unsubscribe': '<https://a.b/u>\r\nBcc: evil@example.com' } })
    expect(fieldsOf(message)).toContain('List-Unsubscribe: <https://a.b/u> Bcc: evil@example.com')
    expect(namesOf(message)).not.toContain('Bcc')
  })

  it('writes internationalised domains in ASCII and names that need it in quotes', async () => {
    const to = [
      { name: 'O\'Neil, "Bob" \\ Sons', address: 'bob@example.com' },
      { name: '', address: 'info@пример.рф' },
    ]
    expect(fieldsOf(await compose({ to }))).toContain(
      'To: "O\'Neil, \\"Bob\\" \\\\ Sons" <bob@example.com>, info@xn--e1afmkfd.xn--p1ai',
    )
  })

  it('has lines of 78 characters at most, also with many recipients', async () => {
    const to = Array.from({ length: 100 }, (_, index) => ({
      name: `Получатель ${index}`,
      address: `r${index}@example.com`,
    }))
    const message = await compose({ to, subject: 'Очень длинная тема '.repeat(20) })
    const header = message.slice(0, message.indexOf('\r\n\r\n'))
    for (const line of header.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78)
    expect((await roundTrip({ to })).to).toMatchObject({ value: to })
  })

  it('encodes what looks like an encoded word, and what is too long for a line', async () => {
    const name = '=?utf-8?Q?evil?='
    const message = await compose({ to: [{ name, address: 'a@b.c' }], subject: `Re: ${name}`, cc: [], html: null })
    expect(message).not.toContain(name)
    expect(await roundTrip({ to: [{ name, address: 'a@b.c' }], subject: `Re: ${name}` })).toMatchObject({
      subject: `Re: ${name}`,
      to: { value: [{ name, address: 'a@b.c' }] },
    })
    const long = '"\\'.repeat(450)
    const lines = (await compose({ to: [{ name: long, address: 'a@b.c' }], subject: long, html: null })).split('\r\n')
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(78)
    expect((await roundTrip({ to: [{ name: long, address: 'a@b.c' }] })).to).toMatchObject({ value: [{ name: long }] })
  })

  it('has encoded words that each decode on their own', async () => {
    const subject = 'Кириллица 🎉 and ASCII, é ü ß, 漢字 '.repeat(9).trim()
    const field = fieldsOf(await compose({ subject })).find((line) => line.startsWith('Subject: ')) ?? ''
    const words = field.slice('Subject: '.length).split(' ')
    const decoded = words.map((word) => {
      expect(word.length).toBeLessThanOrEqual(75)
      const [, kind, data = ''] = /^=\?UTF-8\?([BQ])\?([^?]*)\?=$/.exec(word) ?? []
      const bytes = kind === 'B' ? Buffer.from(data, 'base64') : quotedBytes(data)
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    })
    expect(decoded.join('')).toBe(subject)
  })
})

function quotedBytes(data: string): Buffer {
  const text = data
    .replace(/_/g, ' ')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(text, 'latin1')
}

describe('injection', () => {
  const hostile = [
    'x\r\nBcc: evil@example.com',
    'x\nBcc: evil@example.com',
    'x\rBcc: evil@example.com',
    'x\r\n\r\n<h1>body</h1>',
    'x\u0000\r\n Bcc: evil@example.com',
    'x\u0085Bcc: evil@example.com',
    'x\u2028Bcc: evil@example.com',
    'é\r\nBcc: evil@example.com',
    '=?utf-8?Q?x=0D=0ABcc:_evil@example.com?=',
    'x" <a@b.c>\r\nBcc: evil@example.com',
  ]
  it.each(hostile)('by a subject or a name of %j adds no field', async (text) => {
    const expected = namesOf(await compose({ cc: draft.to }))
    const named = [{ name: text, address: 'ivan@example.com' }]
    for (const change of [{ subject: text }, { to: named }, { cc: named }, { from: { ...draft.from, name: text } }]) {
      const message = await compose({ cc: draft.to, ...change })
      expect(namesOf(message)).toEqual(expected)
      const header = message.slice(0, message.indexOf('\r\n\r\n'))
      expect(header).not.toMatch(/[^\r]\n|\r[^\n]|\0/)
    }
  })

  it('by any subject and name adds no field (property)', async () => {
    const expected = namesOf(await compose())
    const text = fc.string({
      unit: fc.constantFrom('\r', '\n', '\0', '\t', ':', ' ', 'a', 'é', '"', '<', '>', '=?', '?=', '\u2028'),
    })
    await fc.assert(
      fc.asyncProperty(text, text, async (subject, name) => {
        const message = await compose({ subject: `s${subject}`, to: [{ name, address: 'ivan@example.com' }] })
        expect(namesOf(message)).toEqual(expected)
      }),
    )
  })

  it('by a body adds no part', async () => {
    const boundary = /boundary="(.*)"/.exec(await compose())?.[1]
    const text = `a\r\n\r\n--${boundary}\r\nContent-Type: text/html\r\n\r\n<b>x</b>\r\n--${boundary}--\r\n`
    const mail = await roundTrip({ text, html: '<i>y</i>' })
    expect(mail).toMatchObject({ text: text.replace(/\r\n/g, '\n'), html: '<i>y</i>', attachments: [] })
  })
})

describe('the parts', () => {
  it('are text and HTML where both are given', async () => {
    const message = await compose()
    expect(message).toMatch(/\r\nContent-Type: multipart\/alternative;\r\n boundary="/)
    expect(message).toMatch(
      /\r\nContent-Type: text\/plain; charset=utf-8\r\n[\s\S]*\r\nContent-Type: text\/html; charset=utf-8\r\n/,
    )
  })

  it.each([null, ''])('are text alone where the HTML is %j', async (html) => {
    const message = await compose({ html })
    expect(fieldsOf(message)).toContain('Content-Type: text/plain; charset=utf-8')
    expect(await roundTrip({ html })).toMatchObject({ text: 'Здравствуйте!\n', html: false })
  })

  it('are HTML alone where the text is empty', async () => {
    expect(fieldsOf(await compose({ text: '' }))).toContain('Content-Type: text/html; charset=utf-8')
    expect((await roundTrip({ text: '' })).html).toBe('<p>Здравствуйте!</p>\n')
  })

  it('are one empty text where there is nothing', async () => {
    expect(await compose({ text: '', html: null })).toMatch(/\r\nContent-Type: text\/plain\r\n\r\n(?:\r\n)?$/)
  })

  it.each([
    ['bare LF', 'a\nb'],
    ['bare CR', 'a\rb'],
    ['CRLF', 'a\r\nb'],
  ])('have CRLF for %s, encoded or not', async (_, text) => {
    expect(await compose({ text, html: null })).toMatch(/\r\n\r\na\r\nb\r\n$/)
    const encoded = await compose({ text: `${text}ЖЖЖ`.repeat(9), html: null })
    const base64 = encoded.slice(encoded.indexOf('\r\n\r\n'))
    expect(Buffer.from(base64, 'base64').toString()).toBe('a\r\nbЖЖЖ'.repeat(9))
  })

  it('leave dots to the transport, which doubles them', async () => {
    expect(await compose({ text: '.\n..\n.a', html: null })).toMatch(/\r\n\r\n\.\r\n\.\.\r\n\.a\r\n$/)
  })

  it('go out as they are where they are ASCII in lines of 998 octets at most', async () => {
    const long = 'x'.repeat(998)
    expect(await compose({ text: `${long}\n.\n${long}`, html: null })).toContain(
      `\r\nContent-Transfer-Encoding: 7bit\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${long}\r\n.\r\n${long}\r\n`,
    )
    for (const text of [`${long}x\na`, `a\n${long}x`, 'a\0b', 'a\u007fb', 'aéb'])
      expect(await compose({ text, html: null })).toContain('\r\nContent-Transfer-Encoding: base64\r\n')
  })

  it('have no line above 998 octets, and none but CRLF line ends', async () => {
    const long = 'x'.repeat(5000)
    const body = `${long}\n${long} ${long}\r${'Ж'.repeat(3000)}\n`
    for (const message of [
      await compose({ text: body, html: `<p>${body}</p>` }),
      await compose({ text: long, html: null }),
    ]) {
      for (const line of message.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78)
      expect(message).not.toMatch(/[^\r]\n|\r[^\n]/)
      expect(message.endsWith('\r\n')).toBe(true)
    }
  })
})

describe('a composed message', () => {
  it('is the same each time, but for the boundary', async () => {
    const [first, second] = [await compose(), await compose()]
    const boundary = /=_[0-9a-f-]{36}/g
    expect(first).not.toBe(second)
    expect(first.replace(boundary, '')).toBe(second.replace(boundary, ''))
    expect(await compose({ html: null })).toBe(await compose({ html: null }))
  })

  it('of ten megabytes reads as it was written', async () => {
    const text = 'Строка текста, причём довольно длинная.\r\n'.repeat(150_000)
    const message = await composeMessage({ ...draft, text, html: null })
    const body = message.subarray(message.indexOf('\r\n\r\n') + 4).toString('latin1')
    expect(Buffer.from(body, 'base64').equals(Buffer.from(text))).toBe(true)
  })

  it('reads as it was written (property)', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryDraft, async (written) => {
        const mail = await roundTrip(written)
        expect(mail.subject ?? '').toBe(written.subject)
        expect(mailboxesOf(mail.from)).toEqual([written.from])
        expect(mailboxesOf(mail.to)).toEqual(written.to)
        expect(mailboxesOf(mail.cc)).toEqual(written.cc)
        expect(mail.messageId).toBe(draft.messageId)
        expect(mail.headers.has('bcc')).toBe(false)
        expect(mail.date?.getTime()).toBe(Math.floor(draft.date.getTime() / 1000) * 1000)
        expect(withoutEnd(mail.text ?? '')).toBe(withoutEnd(inLines(written.text)))
        expect(withoutEnd(mail.html || '')).toBe(withoutEnd(inLines(written.html ?? '')))
      }),
      { numRuns: 300 },
    )
  })
})

describe('mail', () => {
  it('is composed at once where it is usual', () => {
    expect(composeMessage({ ...draft, cc: draft.to, headers })).toBeInstanceOf(Buffer)
  })

  it.each<[string, Partial<Draft>]>([
    ['with a long body', { text: 'Ж'.repeat(256_001) }],
    ['without any content', { text: '', html: null }],
    ['from an address that is not ASCII', { from: { name: '', address: 'почта@example.com' } }],
    ['to an address that is not ASCII', { to: [{ name: '', address: 'почта@пример.рф' }] }],
    ['to a quoted address', { to: [{ name: 'A', address: '"a, b"@example.com' }] }],
    ['with a copy to an IP address', { cc: [{ name: '', address: 'a@[192.0.2.1]' }] }],
    ['with a Message-ID of unusual form', { messageId: '<a>\r\nBcc: evil@example.com' }],
    ['with a structured field', { headers: { 'Reply-To': 'Помощь <help@example.com>' } }],
    ['with a field that needs encoding', { headers: { 'X-Reason': 'Подписка' } }],
    ['with a field name that injects', { headers: { 'X-Reason: a\r\nBcc': 'evil@example.com' } }],
  ])('%s goes to nodemailer, and reads the same', async (_, change) => {
    const composed = composeMessage({ ...draft, ...change })
    expect(composed).toBeInstanceOf(Promise)
    const message = await composed
    expect(namesOf(message.toString())).not.toContain('Bcc')
    expect(await readingOf(message)).toEqual(await readingOf(await composeByNodemailer({ ...draft, ...change })))
  })

  it('reads the same as composed by nodemailer (property)', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryDraft, fc.option(fc.constant(headers), { nil: {} }), async (written, further) => {
        const whole = { ...draft, ...written, headers: further }
        const theirs = await readingOf(await composeByNodemailer(whole))
        const message = await composeMessage(whole)
        expect(await readingOf(message)).toEqual(theirs)
        const lines = message.toString('latin1').split('\r\n')
        for (const line of lines) expect(line).toMatch(/^[^\r\n]{0,998}$/)
      }),
      { numRuns: 300 },
    )
  })
})

const headers = {
  'List-Unsubscribe': `<https://vertexar.com/unsubscribe/${'0123456789abcdef'.repeat(16)}>, <mailto:unsubscribe@vertexar.com>`,
  'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  'X-Reason': 'words of a field that is longer than one line can be, which is folded between two of them',
}

/** MailComposer and nothing else, over the same bodies and the same texts of one line. */
function composeByNodemailer({ to, cc, text, html, ...rest }: Draft): Promise<Buffer> {
  const bodies = { text: crlf(text), html: crlf(html ?? '') }
  const fields = { 'Auto-Submitted': 'auto-generated', ...rest.headers }
  const subject = rest.subject.includes('=?') ? encodeWord(rest.subject, 'B', 52) : rest.subject
  return new MailComposer({ ...rest, ...bodies, subject, headers: fields, to: [...to], cc: [...cc] }).compile().build()
}

/** All that a reader sees of a message. */
async function readingOf(message: Buffer) {
  const mail = await simpleParser(message, { skipHtmlToText: true, skipTextToHtml: true })
  const { subject, messageId, date, headerLines, attachments } = mail
  return {
    subject,
    messageId,
    date,
    attachments,
    from: mailboxesOf(mail.from),
    to: mailboxesOf(mail.to),
    cc: mailboxesOf(mail.cc),
    replyTo: mailboxesOf(mail.replyTo),
    text: withoutEnd(mail.text ?? ''),
    html: withoutEnd(mail.html || ''),
    names: headerLines.map(({ key }) => key).filter((key) => key !== 'content-transfer-encoding'),
    further: [...mail.headers].filter(([name]) => /^(?:x-|list|auto-)/.test(name)),
  }
}

function crlf(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n')
}

/** Text as mailparser gives it: LF only, and U+FFFD for what UTF-8 has no octets for. */
function inLines(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\n').toWellFormed()
}

/** A part that is not encoded gains the line end that the message ends with. */
function withoutEnd(text: string): string {
  return text.replace(/\n$/, '')
}

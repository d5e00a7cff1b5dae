import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import addressparser from 'nodemailer/lib/addressparser'
import { describe, expect, test } from 'vitest'
import { mergeRecipients, parseRecipients } from '../../src/email/addresses.ts'

const addressesIn = (text: string): string[] => parseRecipients(text).recipients.map(({ address }) => address)
const reasonsIn = (text: string): string[] => parseRecipients(text).faults.map(({ reason }) => reason)

describe('parseRecipients', () => {
  test.each<[text: string | null, expected: { name: string; address: string }[]]>([
    [null, []],
    ['', []],
    ['  \t', []],
    [',; ,', []],
    ['a@b.ru', [{ name: '', address: 'a@b.ru' }]],
    ['<a@b.ru>', [{ name: '', address: 'a@b.ru' }]],
    ['Anna < a@b.ru >', [{ name: 'Anna', address: 'a@b.ru' }]],
    [
      '"Иванов, Пётр" <a@b.ru>, c@d.com; e@f.org',
      [
        { name: 'Иванов, Пётр', address: 'a@b.ru' },
        { name: '', address: 'c@d.com' },
        { name: '', address: 'e@f.org' },
      ],
    ],
    ['Иванов, Пётр <a@b.ru>', [{ name: 'Иванов, Пётр', address: 'a@b.ru' }]],
    ['ООО "Ромашка \\"и\\" ко, Москва" <a@b.ru>', [{ name: 'ООО Ромашка "и" ко, Москва', address: 'a@b.ru' }]],
    ['"<b>Анна</b>" <a@b.ru>', [{ name: 'bАнна/b', address: 'a@b.ru' }]],
    ['"a@b.ru" <a@b.ru>', [{ name: 'a@b.ru', address: 'a@b.ru' }]],
    ['a@b.ru <a@b.ru>', [{ name: 'a@b.ru', address: 'a@b.ru' }]],
    ['user@localhost', [{ name: '', address: 'user@localhost' }]],
    ['a+tag@B.RU', [{ name: '', address: 'a+tag@b.ru' }]],
    ['info@почта.рф', [{ name: '', address: 'info@xn--80a1acny.xn--p1ai' }]],
    ['инфо@почта.рф', [{ name: '', address: 'инфо@xn--80a1acny.xn--p1ai' }]],
    ['"a b"@c.ru', [{ name: '', address: '"a b"@c.ru' }]],
    [
      'a@[192.0.2.1], b@[ipv6:2001:DB8::1]',
      [
        { name: '', address: 'a@[192.0.2.1]' },
        { name: '', address: 'b@[IPv6:2001:db8::1]' },
      ],
    ],
    ['[Support] Anna <a@b.ru>', [{ name: '[Support] Anna', address: 'a@b.ru' }]],
    [
      'Team: a@b.ru, "C, D" <c@d.ru>; e@f.ru',
      [
        { name: '', address: 'a@b.ru' },
        { name: 'C, D', address: 'c@d.ru' },
        { name: '', address: 'e@f.ru' },
      ],
    ],
    ['undisclosed-recipients:;', []],
    ['mailto:a@b.ru', [{ name: '', address: 'a@b.ru' }]],
  ])('reads %j', (text, recipients) => {
    expect(parseRecipients(text)).toEqual({ recipients, faults: [] })
  })

  test.each([
    ['a', 'has no @'],
    ['@b.ru', 'has nothing before the @'],
    ['a@', 'has no domain'],
    ['a@b@c.ru', 'is not one address of the form name@domain'],
    ['a b@c.ru', 'has a character before the @ that is not allowed there unquoted'],
    ['a..b@c.ru', 'has a character before the @ that is not allowed there unquoted'],
    ['a.@c.ru', 'has a character before the @ that is not allowed there unquoted'],
    ['" a"@b.ru', 'has <, > or an outer space in the quotes before the @'],
    ['""@b.ru', 'has <, > or an outer space in the quotes before the @'],
    ['a@b..ru', 'has no valid domain'],
    ['a@b.ru.', 'has no valid domain'],
    ['a@-b.ru', 'has no valid domain'],
    ['a@b_c.ru', 'has no valid domain'],
    ['a@b%41.ru', 'has no valid domain'],
    [`a@${'b'.repeat(64)}.ru`, 'has no valid domain'],
    ['a@192.0.2.1', 'has an IP address that is not in square brackets'],
    ['a@127.1', 'has an IP address that is not in square brackets'],
    ['a@[example.com]', 'has no valid IP address in its square brackets'],
    ['a@[192.0.2.1', 'has no valid IP address in its square brackets'],
    [`${'a'.repeat(65)}@b.ru`, 'has more than 64 octets before the @'],
    [`${'я'.repeat(33)}@b.ru`, 'has more than 64 octets before the @'],
    [
      `a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.${'f'.repeat(10)}`,
      'is longer than 254 octets',
    ],
    ['a@b\u200b.ru', 'holds an invisible character'],
    ['a@b.ru (Anna)', 'has parentheses outside double quotes'],
    ['Anna (sales) <a@b.ru>', 'has parentheses outside double quotes'],
    ['a@b.ru c@d.ru', 'holds several addresses without a comma between them'],
    ['Anna <a@b.ru> <c@d.ru>', 'is not one address of the form name@domain'],
    ['<>', 'holds no address'],
    ['Anna <>', 'holds no address'],
    [`${'x'.repeat(1000)} <a@b.ru>`, 'is longer than 998 characters'],
  ])('refuses %.60j, which %s', (text, reason) => {
    expect(parseRecipients(text)).toMatchObject({ recipients: [], faults: [{ reason }] })
  })

  test.each(['\r', '\n', '\0', '\x1b', '\t', '\x7f', '\x85', '\u2028'])(
    'refuses a whole field that holds %j',
    (character) => {
      for (const text of [
        `a@b.ru${character}Bcc: x@y.ru`,
        `"Anna${character}" <a@b.ru>, c@d.ru`,
        `a@b.ru, ${character}c@d.ru`,
      ]) {
        expect(parseRecipients(text)).toMatchObject({
          recipients: [],
          faults: [{ reason: 'holds a control character' }],
        })
      }
    },
  )

  test('quotes what was given in printable form and cuts it short', () => {
    expect(parseRecipients('a@b.ru\r\nRCPT TO:<x@y.ru>').faults[0]?.given).toBe('a@b.ru\\u{d}\\u{a}RCPT TO:<x@y.ru>')
    expect(parseRecipients('x'.repeat(500)).faults[0]?.given).toHaveLength(120)
  })

  test('reads the good addresses beside a bad one and names the bad one', () => {
    expect(parseRecipients('a@b.ru, nonsense, Пётр, c@d.ru')).toEqual({
      recipients: [
        { name: '', address: 'a@b.ru' },
        { name: '', address: 'c@d.ru' },
      ],
      faults: [{ given: 'nonsense, Пётр', reason: 'has no @' }],
    })
  })
})

describe('what lenient parsers get wrong', () => {
  test('an address inside a quoted local part is not a recipient', () => {
    expect(addressesIn('"a@evil.com"@good.com')).toEqual(['"a@evil.com"@good.com'])
    expect(addressesIn('<"a@evil.com"@good.com>')).toEqual(['"a@evil.com"@good.com'])
    expect(parseRecipients('"a@evil.com> "@good.com').recipients).toEqual([])
  })

  test('an address inside a quoted name or a comment is not a recipient', () => {
    expect(addressesIn('"x@evil.com" <a@good.com>')).toEqual(['a@good.com'])
    expect(addressesIn('"x@evil.com, y" <a@good.com>')).toEqual(['a@good.com'])
    expect(addressesIn('"x@evil.com"')).toEqual([])
    expect(addressesIn('(x@evil.com)')).toEqual([])
    expect(addressesIn('a@good.com(x)evil.com')).toEqual([])
  })

  test('a quotation mark or bracket that is never closed makes one fault of all that follows', () => {
    expect(reasonsIn('a@b.ru, "Anna c@d.ru, e@f.ru')).toEqual(['has a quotation mark without its partner'])
    expect(addressesIn('a@b.ru, "Anna c@d.ru, e@f.ru')).toEqual(['a@b.ru'])
    expect(parseRecipients('Anna <a@b.ru, c@d.ru')).toMatchObject({ recipients: [], faults: [{}] })
  })

  test('a route, a nested group and an address in the place of a group name are refused', () => {
    expect(addressesIn('<@relay.com:a@b.ru>')).toEqual([])
    expect(parseRecipients('one: two: a@b.ru;')).toEqual({
      recipients: [{ name: '', address: 'a@b.ru' }],
      faults: [{ given: 'two:', reason: 'is not the name of a group' }],
    })
    expect(reasonsIn('a@b.ru: c@d.ru;')).toEqual(['is not the name of a group'])
  })

  test('a megabyte of separators, quotation marks or brackets is read in a moment', () => {
    for (const unit of [',', 'a,', '"', '<', 'a@b.ru,', '(', '[', 'a:', '\\"', ' ', '@ ']) {
      const startedAt = performance.now()
      const text = unit.repeat(1_000_000 / unit.length)
      parseRecipients(text)
      parseRecipients(`${text}:`)
      expect(performance.now() - startedAt).toBeLessThan(5_000)
    }
  })
})

describe('mergeRecipients', () => {
  const read = (text: string) => parseRecipients(text).recipients

  test('keeps the first place of every address, whatever the case of its domain', () => {
    const merged = mergeRecipients({
      to: read('Anna <a@b.ru>, c@d.ru, a@B.RU'),
      cc: read('c@D.ru, A@b.ru'),
      bcc: read('e@f.ru, "Other Name" <a@b.ru>'),
    })
    expect(merged).toEqual({
      to: [
        { name: 'Anna', address: 'a@b.ru' },
        { name: '', address: 'c@d.ru' },
      ],
      cc: [{ name: '', address: 'A@b.ru' }],
      bcc: [{ name: '', address: 'e@f.ru' }],
      envelope: ['a@b.ru', 'c@d.ru', 'A@b.ru', 'e@f.ru'],
    })
  })

  test('has an empty envelope when nobody is named', () => {
    expect(mergeRecipients({ to: [], cc: [], bcc: [] })).toEqual({ to: [], cc: [], bcc: [], envelope: [] })
  })
})

describe('whatever the text', () => {
  const fragment = fc.constantFrom(
    ...[
      '"',
      '\\',
      '<',
      '>',
      '(',
      ')',
      '[',
      ']',
      ',',
      ';',
      ':',
      '@',
      '.',
      ' ',
      'a',
      'Иван',
      'b.ru',
      'x@evil.com',
      '<a@b.ru>',
    ],
    ...['"q"', '"a@b"@c.ru', '@[1.2.3.4]', '@[IPv6:::1]', 'Team: ', '\r\n', '\0', '\u200b', "'", '=?utf-8?q?x?='],
  )
  const listLike = fc.array(fragment, { maxLength: 14 }).map((parts) => parts.join(''))
  const anyText = fc.oneof(listLike, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))

  test('reading never throws, and what it returns can break neither a header nor an SMTP command', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const { address, name } of parseRecipients(text).recipients) {
          expect(address + name).not.toMatch(/[\p{Cc}<>\u2028\u2029]/u)
          expect(address).toMatch(/^.+@[a-z0-9.[\]:IPv-]+$/u)
        }
      }),
      { numRuns: 5_000 },
    )
  })

  test('nodemailer reads the same addresses wherever we find no fault', () => {
    const normalised = (address: string): string => {
      const at = address.lastIndexOf('@')
      const local = address.slice(0, at).replace(/^"(.*)"$/u, (_, quoted: string) => quoted.replace(/\\(.)/gu, '$1'))
      const domain = address.slice(at + 1).toLowerCase()
      return `${local}@${domain.startsWith('[') ? domain : domainToASCII(domain)}`
    }
    fc.assert(
      fc.property(listLike, (text) => {
        const ours = parseRecipients(text)
        fc.pre(ours.faults.length === 0)
        const theirs = addressparser(text, { flatten: true }).filter(({ address }) => address !== '')
        expect(ours.recipients.map(({ address }) => normalised(address))).toEqual(
          theirs.map(({ address }) => normalised(address)),
        )
      }),
      { numRuns: 5_000 },
    )
  })

  test('plain addresses and names come back as they went in', () => {
    const atom = fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}$/)
    const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/).filter((text) => !/^..--/.test(text))
    const address = fc
      .tuple(fc.array(atom, { minLength: 1, maxLength: 3 }), fc.array(label, { minLength: 1, maxLength: 4 }))
      .map(([local, domain]) => `${local.join('.')}@${domain.join('.')}`)
    const name = fc.stringMatching(/^([A-Za-zА-Яа-я",;:@()\\[\].]+( [A-Za-zА-Яа-я",;:@()\\[\].]+)?)?$/)
    const written = (mailbox: { name: string; address: string }): string =>
      mailbox.name === '' ? mailbox.address : `"${mailbox.name.replace(/["\\]/g, '\\$&')}" <${mailbox.address}>`
    fc.assert(
      fc.property(fc.array(fc.record({ name, address })), fc.constantFrom(', ', ';', ' , '), (mailboxes, separator) => {
        expect(parseRecipients(mailboxes.map(written).join(separator))).toEqual({ recipients: mailboxes, faults: [] })
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainText } from '../../../src/notifications/channels/sms/plain-text.ts'
import { measureSms } from '../../../src/notifications/channels/sms/segments.ts'
import { smsText } from '../../../src/notifications/channels/sms/sms-text.ts'
import type { Told } from '../../../src/notifications/notice.ts'

describe('markup as plain text', () => {
  it.each([
    ['no markup', 'Привет', 'Привет'],
    ['tags', '<b>Проект</b> <i>«<u>Витрина</u>»</i>', 'Проект «Витрина»'],
    [
      'tags with attributes',
      '<span class="tg-spoiler">тайна</span><pre><code class="language-sql">x</code></pre>',
      'тайнаx',
    ],
    ['tags in capitals', '<B>да</B>', 'да'],
    ['a tag that is not closed', '<b>да', 'да'],
    ['what only looks like a tag', 'a < b, c > d, <5, <script>', 'a < b, c > d, <5, <script>'],
    [
      'a link',
      'Продлить <a href="https://ar.example/p?a=1&amp;b=2">здесь</a>.',
      'Продлить здесь (https://ar.example/p?a=1&b=2).',
    ],
    ['a link around its own address', '<a href="https://ar.example/">ar.example</a>', 'https://ar.example/'],
    ['a link around markup', "<a href='https://ar.example'><b>тут</b></a>", 'тут (https://ar.example)'],
    ['a link without a text', '<a href="https://ar.example"></a>', 'https://ar.example'],
    ['a link to a user', '<a href="tg://user?id=1">Анна</a>', 'Анна'],
    ['two links', '<a href="http://a.b">x</a><a href="http://c.d">y</a>', 'x (http://a.b)y (http://c.d)'],
    ['entities', '&lt;b&gt; &amp;amp; &quot;&#39;&#x2F; &nbsp;', '<b> &amp; "\'/'],
    ['entities that are none', '&copy &nope; &#0; &#xD800; &#9999999;', '&copy &nope; &#0; &#xD800; &#9999999;'],
    ['blanks and empty lines', '  a \t b \r\n\r\n \n c\u2028d  ', 'a b\nc\nd'],
    ['controls and what is not seen', 'a\u0000\u0007b\u00adc\u200bd\ufeff', 'abcd'],
    ['a joined emoji', '👩‍💻', '👩‍💻'],
    ['accents set apart', 'и\u0306', 'й'],
    ['half a surrogate pair', 'a\ud83d', 'a\ufffd'],
  ])('%s', (_, markup, expected) => {
    expect(plainText(markup)).toBe(expected)
  })

  it('takes no time for what is made to take long', () => {
    for (const part of ['<a href=', '<a href="x">', '<a ', '&#', '\n ', '<b <b ']) {
      expect(plainText(part.repeat(100_000)).length).toBeLessThanOrEqual(5_000)
    }
  })

  it('is the same after a second time, where nothing was written as an entity', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        fc.pre(!text.includes('&') && !text.includes('<'))
        expect(plainText(plainText(text))).toBe(plainText(text))
      }),
    )
  })
})

function told(subject: string | null, message: string | null, id = 1): Told {
  return { id, subject, message, data: {} }
}

function single(subject: string | null, message: string | null): string {
  return smsText({ subject, message, digest: [] })
}

describe('what an SMS says', () => {
  it.each([
    ['both', 'Тема', 'Сообщение', 'Тема\nСообщение'],
    ['no message', 'Тема', null, 'Тема'],
    ['no subject', null, '<b>Сообщение</b>', 'Сообщение'],
    ['a message that begins with its subject', 'Тема', '<b>Тема</b>\nи больше', 'Тема\nи больше'],
    ['nothing', null, null, ''],
    ['nothing but blanks', ' ', '<b> </b>', ''],
  ])('with %s', (_, subject, message, expected) => {
    expect(single(subject, message)).toBe(expected)
  })

  it('is cut at three segments', () => {
    const text = single('Тема', 'слово '.repeat(100))
    expect(text).toMatch(/^Тема\nслово .*слово…$/)
    expect(measureSms(text).segments).toBe(3)
  })

  it('of a digest is each notice in a line', () => {
    const digest = [told('Раз', 'первое\nсообщение'), told(null, 'второе'), told('Три', null), told(null, null)]
    expect(smsText({ subject: 'Раз', message: 'первое', digest })).toBe('Раз: первое сообщение\nвторое\nТри')
  })

  it('of a long digest is the subjects alone', () => {
    const digest = [1, 2, 3, 4].map((n) => told(`Проект ${n} закрывается`, 'слово '.repeat(20), n))
    expect(smsText({ subject: null, message: null, digest })).toBe(
      [1, 2, 3, 4].map((n) => `Проект ${n} закрывается`).join('\n'),
    )
  })

  it('of a digest never leaves one out without saying so', () => {
    const full = 'a'.repeat(459)
    const digest = (end: string | null) => [told(full, null), told(end, null), told(null, null)]
    expect(smsText({ subject: null, message: null, digest: digest(null) })).toBe(full)
    expect(smsText({ subject: null, message: null, digest: digest('b') })).toBe(`${'a'.repeat(456)}...`)
  })

  it('of an endless digest is cut', () => {
    const digest = Array.from({ length: 40 }, (_, n) => told(`Проект ${n} закрывается`, null, n))
    const text = smsText({ subject: null, message: null, digest })
    expect(text).toMatch(/^Проект 0 закрывается\n.*…$/s)
    expect(measureSms(text).segments).toBe(3)
  })
})

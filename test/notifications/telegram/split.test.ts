import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splitMarkup } from '../../../src/notifications/channels/telegram/split.ts'
import { readTelegramHtml } from '../../support/telegram-html.ts'

const limits = { first: 40, rest: 60 }

/** What Telegram shows of the parts; fails where it would not take one. */
function visible(parts: readonly string[]): string[] {
  return parts.map((part) => {
    const { visible: text, fault } = readTelegramHtml(part, 'HTML')
    expect(fault, part).toBeUndefined()
    return text
  })
}

describe('a text', () => {
  test('that fits stays as it is, wrong markup included', () => {
    for (const html of ['<b>Short</b> &amp; good', 'a < b', '<x>what</x>'])
      expect(splitMarkup(html, limits)).toEqual([html])
  })

  test('with nothing to read has no parts', () => {
    for (const html of ['', ' \n ', '<b> </b>']) expect(splitMarkup(html, limits)).toEqual([])
  })

  test('is measured as it reads: entities as one character, tags as none', () => {
    const html = `<a href="https://example.com/a/long/one">${'&amp;'.repeat(40)}</a>`
    expect(splitMarkup(html, limits)).toEqual([html])
  })

  test('ends a part where a paragraph ends, even when a later line would fit', () => {
    expect(splitMarkup(`One.\n\nTwo.\nThree.\n\nFour, which\nis longer than what is left`, limits)).toEqual([
      'One.\n\nTwo.\nThree.',
      'Four, which\nis longer than what is left',
    ])
  })

  test.each([
    [
      'else where a line ends',
      'a line of words. And more words\nanother line of words',
      'a line of words. And more words',
    ],
    [
      'else where a sentence ends',
      'A sentence. Another one! And a third, which is too long',
      'A sentence. Another one!',
    ],
    [
      'else between two words',
      'words words words words words words word-after-word',
      'words words words words words words',
    ],
    ['else between two characters', 'x'.repeat(50), 'x'.repeat(40)],
    ['and not at a no-break space', `${'x'.repeat(20)} 1\u00a0000\u00a0000\u00a0000\u00a0000\u00a0000`, 'x'.repeat(20)],
    ['and never within a pair', `${'x'.repeat(39)}😀${'x'.repeat(20)}`, 'x'.repeat(39)],
    ['and never within a character of several', `${'x'.repeat(36)}👨‍👩‍👧${'x'.repeat(20)}`, 'x'.repeat(36)],
    ['and a part may be exactly as long as allowed', `${'x'.repeat(40)} y`, 'x'.repeat(40)],
  ])('ends a part %s', (_where, text, first) => {
    expect(splitMarkup(text, limits)[0]).toBe(first)
  })

  test('closes its tags in each part and opens them again in the next', () => {
    const html =
      '<b>Bold <a href="https://example.com/?a=1&amp;b=2">a link of many words, in which the text breaks</a></b>'
    expect(splitMarkup(html, limits)).toEqual([
      '<b>Bold <a href="https://example.com/?a=1&amp;b=2">a link of many words, in which the</a></b>',
      '<b><a href="https://example.com/?a=1&amp;b=2">text breaks</a></b>',
    ])
  })

  test('escapes in its parts what was escaped before', () => {
    const html = `&lt;b&gt; is &amp;lt;b&amp;gt; ${'word '.repeat(20)}`
    expect(visible(splitMarkup(html, limits))[0]).toMatch(/^<b> is &lt;b&gt; word/)
  })

  test('that is too long loses its tags where they are wrong, and nothing else', () => {
    const html = `<b>never closed, 1 < 2 and <x> stays; <br>${'word '.repeat(20)}`
    const [first = ''] = visible(splitMarkup(html, limits))
    expect(first).toBe('never closed, 1 < 2 and <x> stays;')
  })
})

test('a text whose markup is too long for Telegram is split, however short it reads', () => {
  const links = Array.from(
    { length: 400 },
    (_, index) => `<a href="https://example.com/${'x'.repeat(100)}">link ${index}</a>`,
  )
  const parts = splitMarkup(links.join(' '), { first: 4_096, rest: 4_096 })
  expect(parts).toHaveLength(4)
  for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(32_768)
  expect(visible(parts).join(' ')).toBe(links.map((_, index) => `link ${index}`).join(' '))
})

test('a link that is too long by itself does not make a thousand messages', () => {
  const html = `<a href="https://example.com/${'x'.repeat(40_000)}">${'link '.repeat(100)}</a>`
  expect(splitMarkup(html, { first: 4_096, rest: 4_096 })).toHaveLength(2)
})

const word = fc.oneof(
  fc.stringMatching(/^[a-zа-я&<>"'.!?😀é]{1,12}$/u),
  fc.constantFrom('\n\n', '\n', ' ', '👨‍👩‍👧', 'x'.repeat(90), '&amp;', '1 < 2'),
)
const escaped = word.map((text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;'))
const { markup } = fc.letrec<{ markup: string }>((tie) => ({
  markup: fc.oneof(
    { depthSize: 'small' },
    fc.array(escaped, { maxLength: 12 }).map((words) => words.join(' ')),
    fc
      .tuple(
        fc.constantFrom('b', 'i', 'code', 'blockquote expandable', 'a href="https://example.com/?q=>"'),
        tie('markup'),
      )
      .map(([tag, inner]) => `<${tag}>${inner}</${tag.split(' ')[0]}>`),
    fc.array(tie('markup'), { maxLength: 4 }).map((pieces) => pieces.join(' ')),
  ),
}))

const bare = (text: string): string => text.replace(/\s/g, '')

test('whatever the markup: every part is taken, none is too long, and together they say it all', () => {
  fc.assert(
    fc.property(markup, fc.integer({ min: 5, max: 80 }), fc.integer({ min: 20, max: 200 }), (html, first, rest) => {
      const texts = visible(splitMarkup(html, { first, rest }))
      const [whole = ''] = visible([html])
      expect(bare(texts.join(''))).toBe(bare(whole))
      texts.forEach((text, index) => {
        expect(text.trim().length).toBeLessThanOrEqual(index === 0 ? first : rest)
        expect(text.trim()).not.toBe('')
        expect(text.isWellFormed()).toBe(true)
      })
    }),
    { numRuns: 500 },
  )
})

test('whatever is written: the parts of a long text are taken, whether its markup was right or not', () => {
  const pieces = fc.constantFrom(
    '<b>',
    '</b>',
    '<x y>',
    '<',
    '>',
    '&',
    '&lt;',
    'word ',
    '\n\n',
    '<a href="',
    '">',
    '😀',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (written) => {
      const html = `${written.join('')}${'end '.repeat(20)}`
      for (const text of visible(splitMarkup(html, limits))) expect(text.length).toBeLessThanOrEqual(60)
    }),
    { numRuns: 500 },
  )
})

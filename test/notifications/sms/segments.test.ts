import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitSms, measureSms } from '../../../src/notifications/channels/sms/segments.ts'

describe('the size of an SMS', () => {
  it.each([
    ['nothing', '', 'GSM-7', 0, 1],
    ['Latin', 'Hello', 'GSM-7', 5, 1],
    ['the default alphabet beyond ASCII', 'Ångström für 5 £, ¿qué?\nΩ', 'GSM-7', 25, 1],
    ['the extension table, two septets each', '[€]', 'GSM-7', 6, 1],
    ['what looks like Latin and is not in it', 'ç', 'UCS-2', 1, 1],
    ['a backquote', '`', 'UCS-2', 1, 1],
    ['Cyrillic', 'Привет', 'UCS-2', 6, 1],
    ['one character that GSM-7 does not know', 'Hello…', 'UCS-2', 6, 1],
    ['an emoji, which takes two units', '👋', 'UCS-2', 2, 1],
    ['one full segment', 'a'.repeat(160), 'GSM-7', 160, 1],
    ['one septet more', 'a'.repeat(161), 'GSM-7', 161, 2],
    ['two full segments', 'a'.repeat(306), 'GSM-7', 306, 2],
    ['three', 'a'.repeat(307), 'GSM-7', 307, 3],
    ['three full segments', 'a'.repeat(459), 'GSM-7', 459, 3],
    ['four', 'a'.repeat(460), 'GSM-7', 460, 4],
    ['one full of pairs', '€'.repeat(80), 'GSM-7', 160, 1],
    // 153 is odd: each segment but the last ends with a septet that no pair fits.
    ['two full of pairs', '€'.repeat(152), 'GSM-7', 304, 2],
    ['a pair too many for two', '€'.repeat(153), 'GSM-7', 306, 3],
    ['one full segment of Cyrillic', 'я'.repeat(70), 'UCS-2', 70, 1],
    ['one unit more', 'я'.repeat(71), 'UCS-2', 71, 2],
    ['two full ones', 'я'.repeat(134), 'UCS-2', 134, 2],
    ['three full ones', 'я'.repeat(201), 'UCS-2', 201, 3],
    ['four of Cyrillic', 'я'.repeat(202), 'UCS-2', 202, 4],
    // 67 is odd: no surrogate pair is divided.
    ['emoji alone', '👋'.repeat(35), 'UCS-2', 70, 1],
    ['emoji in three', '👋'.repeat(99), 'UCS-2', 198, 3],
    ['an emoji too many for three', '👋'.repeat(100), 'UCS-2', 200, 4],
  ] as const)('%s', (_, text, encoding, units, segments) => {
    expect(measureSms(text)).toEqual({ encoding, units, segments })
  })

  it('knows the 127 characters of the default alphabet and the 10 of its extension', () => {
    const all = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code))
    const units = all
      .map(measureSms)
      .filter(({ encoding }) => encoding === 'GSM-7')
      .map((size) => size.units)
    expect(units.filter((count) => count === 1)).toHaveLength(127)
    expect(units.filter((count) => count === 2)).toHaveLength(10)
  })
})

describe('fitting a text', () => {
  it('leaves alone what fits', () => {
    for (const text of ['', 'Привет', 'a'.repeat(459), 'я'.repeat(201)]) expect(fitSms(text)).toBe(text)
  })

  it.each([
    ['Latin ends with three dots', `${'word '.repeat(100)}`, `${'word '.repeat(91).trim()}...`, 'GSM-7'],
    ['Cyrillic with an ellipsis', 'слово '.repeat(50), `${'слово '.repeat(33).trim()}…`, 'UCS-2'],
    ['no word to cut at', 'я'.repeat(300), `${'я'.repeat(200)}…`, 'UCS-2'],
    ['the only word end is far back', `я ${'я'.repeat(300)}`, `я ${'я'.repeat(198)}…`, 'UCS-2'],
    ['the limit is at a word end', `${'я'.repeat(200)} ${'я'.repeat(90)}`, `${'я'.repeat(200)}…`, 'UCS-2'],
    ['no emoji is divided', '👋'.repeat(150), `${'👋'.repeat(99)}…`, 'UCS-2'],
    ['pairs of septets', '€'.repeat(300), `${'€'.repeat(227)}...`, 'GSM-7'],
    // It would cost two thirds of the text to keep the one character at its end.
    [
      'Latin, then something dear',
      `${'word '.repeat(90)}…${'word '.repeat(9)}`,
      `${'word '.repeat(90).trim()}...`,
      'GSM-7',
    ],
    ['something dear early on', `word … ${'word '.repeat(90)}`, `word … ${'word '.repeat(38).trim()}…`, 'UCS-2'],
  ] as const)('%s', (_, text, expected, encoding) => {
    const fitted = fitSms(text)
    expect(fitted).toBe(expected)
    expect(measureSms(fitted)).toMatchObject({ encoding, segments: 3 })
  })
})

const characters = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abc xyz €[]\n'.split('')) },
  { weight: 3, arbitrary: fc.constantFrom(...'абв где … '.split('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
)
const arbitraryTexts = fc.oneof(
  fc.array(characters, { maxLength: 700 }).map((some) => some.join('')),
  fc
    .tuple(fc.nat({ max: 500 }), fc.string({ unit: 'grapheme', maxLength: 300 }))
    .map(([n, end]) => 'ab '.repeat(n) + end),
  fc.string({ unit: 'binary', maxLength: 700, size: 'max' }),
)

describe('any text, fitted', () => {
  it('is itself or a beginning of it with an ellipsis, in three segments at most, and well-formed', () => {
    fc.assert(
      fc.property(arbitraryTexts, (text) => {
        const fitted = fitSms(text)
        expect(measureSms(fitted).segments).toBeLessThanOrEqual(3)
        expect(fitted.isWellFormed()).toBe(true)
        if (measureSms(text).segments <= 3) {
          expect(fitted).toBe(text)
        } else {
          const ellipsis = measureSms(fitted).encoding === 'GSM-7' ? '...' : '…'
          expect(fitted.endsWith(ellipsis)).toBe(true)
          expect(text.startsWith(fitted.slice(0, -ellipsis.length))).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('keeps as much as fits, but for the word that would be divided', () => {
    const words = fc.array(fc.constantFrom('a', 'bc', 'слово', '€€', '👋', 'long-winded'), {
      minLength: 250,
      maxLength: 400,
    })
    fc.assert(
      fc.property(words, (some) => {
        const text = some.join(' ')
        fc.pre(measureSms(text).segments > 3)
        const fitted = fitSms(text)
        const kept = fitted.replace(/(?:\.\.\.|…)$/, '')
        const ellipsis = fitted.slice(kept.length)
        const next = text.slice(kept.length).match(/^ \S+/)?.[0]
        expect(next).toBeDefined()
        expect(measureSms(kept + next + ellipsis)).not.toMatchObject({
          encoding: measureSms(fitted).encoding,
          segments: 3,
        })
      }),
    )
  })
})

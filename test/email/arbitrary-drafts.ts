import fc from 'fast-check'

/** Text of every kind that a row may hold: PostgreSQL stores neither NUL nor lone surrogates, but templates may. */
const awkward = [
  ...['\n', '\r\n', '\r', '\n.\n', '\n..', ' \n', '\t', '\t\r\n', '  ', '=', '=\n', 'From x\n', '\nFrom x', '--'],
  ...['\ud800', '\udc00', '\u0000', '\u007f', '\u2028', '\ufeff', 'e\u0301', 'שלום ', '\u202eabc', '👨‍👩‍👧'],
]
const pieces = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...awkward),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('Ж'.repeat(500), 'y'.repeat(1500), 'z'.repeat(998), 'a b '.repeat(400), '🎉'.repeat(60)),
  },
)
const bodies = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''))

/** One line without blanks at its ends or in a row, which a header does not keep. */
const oneLiner = fc
  .string({ unit: 'grapheme', maxLength: 120 })
  .map((text) => text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim())
/** mailparser decodes encoded words inside quotes, too, which RFC 2047 forbids. */
const displayName = fc
  .oneof(oneLiner, fc.constantFrom('🎉 Праздник 🎉', 'Doe, John', 'a <b> "c" \\d', 'Ж'.repeat(150)))
  .filter((name) => !name.includes('=?'))
const address = fc.constantFrom(
  'a@example.com',
  'first.last+tag@sub.example.co.uk',
  "o'neil@example.com",
  'info@пример.рф',
  'почта@пример.рф',
  '"a, b"@example.com',
  'b_c-d@example.org',
)
const mailbox = fc.record({ name: displayName, address })
export const arbitraryDraft = fc.record({
  from: mailbox,
  to: fc.array(mailbox, { minLength: 1, maxLength: 5 }),
  cc: fc.array(mailbox, { maxLength: 3 }),
  subject: fc.oneof(oneLiner, fc.constantFrom('=?utf-8?Q?a_b?=', '=?x', 'Re: =?', 'x'.repeat(998), 'Ж'.repeat(500))),
  text: bodies,
  html: fc.option(bodies),
})

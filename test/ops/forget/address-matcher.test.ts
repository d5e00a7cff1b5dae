import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { matcher } from './forgetting.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const ann = matcher('ann@x.org')

it.each([
  ['ann@x.org', 'erased@invalid'],
  ['ANN@X.Org', 'erased@invalid'],
  ['to <ann@x.org>, today', 'to <erased@invalid>, today'],
  ['-ann@x.org', '-erased@invalid'],
  ['_ann@x.org_', '_erased@invalid_'],
  ["'ann@x.org'", "'erased@invalid'"],
  ['Write to ann@x.org.', 'Write to erased@invalid.'],
  ['«ann@x.org»', '«erased@invalid»'],
  ['https://a.org/?to=ann%40x.org&x', 'https://a.org/?to=erased@invalid&x'],
  ['mailto:%3Cann%40x.org%3E', 'mailto:%3Cerased@invalid%3E'],
  ['ann&#64;x.org', 'erased@invalid'],
  ['ann&commat;x.org', 'erased@invalid'],
  [String.raw`{"a":"Hello\nann@x.org"}`, String.raw`{"a":"Hello\nerased@invalid"}`],
  ['welcome:ann@x.org:7', 'welcome:erased@invalid:7'],
])('finds %s', (text, masked) => expect(ann.mask(text)).toBe(masked))

it.each([
  'joann@x.org',
  'jo.ann@x.org',
  'jo+ann@x.org',
  'jo--ann@x.org',
  'ann+shop@x.org',
  'ann@x.org.uk',
  'ann@x.organ',
  'ann@x.org-b.com',
  'ann@xyorg',
  'яann@x.org',
  'ann at x.org',
])('takes %s for somebody else', (text) => expect(ann.mask(text)).toBe(text))

it.each([
  ['ann@münchen.example', 'Ann@XN--MNCHEN-3YA.example'],
  ['ann@xn--mnchen-3ya.example', 'ann@MÜNCHEN.example'],
  ['анна@почта.рф', 'АННА@ПОЧТА.РФ'],
  ['анна@почта.рф', 'анна@xn--80a1acny.xn--p1ai'],
  ['анна@почта.рф', '%D0%B0%D0%BD%D0%BD%D0%B0%40%D0%BF%D0%BE%D1%87%D1%82%D0%B0.%D1%80%D1%84'],
  ['ann+shop@x.org', 'ann%2Bshop%40x.org'],
  ['"ann lee"@x.org', String.raw`\"ann lee\"@x.org`],
  ['ann@[192.0.2.1]', 'ann@[192.0.2.1]'],
])('finds %s as %s', (address, spelled) => expect(matcher(address).mask(`<${spelled}>`)).toBe('<erased@invalid>'))

it('has the same hash however the address is written', () => {
  expect(matcher('Ann@MÜNCHEN.example').hash).toBe(matcher('ann@xn--mnchen-3ya.example').hash)
  expect(matcher('ann@x.org').hash).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(matcher('ann@x.org').hash).not.toBe(matcher('joann@x.org').hash)
})

it.each([
  ['ann@x.org', 'erased@invalid'],
  ['"Lee, Ann" <ann@x.org>, Bob <bob@x.org>', 'erased@invalid, Bob <bob@x.org>'],
  ['Lee, Ann <ANN@x.org>; bob@x.org', 'erased@invalid, bob@x.org'],
  ['"ann@x.org by way of" <list@y.org>', '"erased@invalid by way of" <list@y.org>'],
  ['ann@x.org bob@x.org', 'erased@invalid bob@x.org'],
  ['Joann <joann@x.org>;bob@x.org', 'Joann <joann@x.org>;bob@x.org'],
])('makes of the recipients %s: %s', (field, masked) => expect(ann.maskRecipients(field)).toBe(masked))

it('never makes a field longer than it may be', () => {
  const short = matcher('a@b.c')
  const field = `a@b.c,${'x'.repeat(237)}@example.org`
  expect(short.maskRecipients(field).length).toBeLessThanOrEqual(255)
  expect(short.maskRecipients(field)).toContain('example.org')
})

it('is one rule for PostgreSQL and for JavaScript', async () => {
  const piece = fc.constantFrom(
    ...[
      'ann@x.org',
      'ANN@X.ORG',
      'ann%40x.org',
      'ann',
      '@',
      'x.org',
      '.',
      '-',
      '+',
      '_',
      ' ',
      'jo',
      '%20',
      '%3C',
      '<',
      '>',
      '"',
      ';',
    ],
    ...['\\n', '\\u0009', '\n', 'é', '«', 'я', '&#64;', ',', 'uk', '0'],
  )
  const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 20, maxLength: 60 }), async (texts) => {
      const { rows } = await database.pool.query<{ masked: string; found: boolean; rough: boolean }>(
        `SELECT regexp_replace(t, $2, 'erased@invalid', 'gi') AS masked, t ~* $2 AS found, t ~* $3 AS rough
           FROM unnest($1::text[]) WITH ORDINALITY AS given (t, n) ORDER BY n`,
        [texts, ann.exact, ann.rough],
      )
      expect(rows.map(({ masked }) => masked)).toEqual(texts.map(ann.mask))
      expect(rows.filter(({ found, rough }) => found && !rough)).toEqual([])
    }),
    { numRuns: 50 },
  )
})

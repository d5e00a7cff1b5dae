import { expect, it } from 'vitest'
import { place } from '../../src/cli/watch.ts'

const terminal = { columns: 10, rows: 5 }

it.each([
  ['lines that fit', 'a\nb\n', '\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J'],
  [
    'no more lines than leave a row for the cursor',
    'a\nb\nc\nd\ne',
    '\x1b[Ha\x1b[K\nb\x1b[K\nc\x1b[K\nd\x1b[K\n\x1b[J',
  ],
  ['a line of two rows as two', 'elevenchars\nb\nc\nd', '\x1b[Helevenchars\x1b[K\nb\x1b[K\nc\x1b[K\n\x1b[J'],
  [
    'the first lines where a later one is too long',
    'a\nb\nc\nelevenchars\nd',
    '\x1b[Ha\x1b[K\nb\x1b[K\nc\x1b[K\n\x1b[J',
  ],
  ['a full row without erasing its end', 'tencolumns\nb', '\x1b[Htencolumns\nb\x1b[K\n\x1b[J'],
  ['colours as no wider', '\x1b[31mred\x1b[39m', '\x1b[H\x1b[31mred\x1b[39m\x1b[K\n\x1b[J'],
])('draws %s', (_, text, drawn) => {
  expect(place(text, terminal)).toBe(drawn)
})

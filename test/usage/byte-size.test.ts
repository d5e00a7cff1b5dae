import { expect, test } from 'vitest'
import { formatBytes, gigabytes } from '../../src/usage/byte-size.ts'

test.each([
  [0, '0 B'],
  [1_023, '1,023 B'],
  [1_024, '1 KB'],
  [1_048_575, '1,023.9 KB'],
  [1_048_576, '1 MB'],
  [gigabytes(10) - 1, '9.9 GB'],
  [gigabytes(10), '10 GB'],
  [gigabytes(2_147_483_647), '2,047.9 PB'],
  [2 ** 63, '8,192 PB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes, 'en').replace('\u00A0', ' ')).toBe(text)
})

test('sizes are written in the language of their reader', () => {
  expect(formatBytes(8_900_000_000, 'ru')).toBe('8,2\u00A0ГБ')
})

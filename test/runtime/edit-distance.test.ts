import { expect, test } from 'vitest'
import { editDistance } from '../../src/runtime/edit-distance.ts'

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['abc', 'abcd', 1],
  ['abcd', 'bcd', 1],
  ['kitten', 'sitting', 3],
  ['SMTP_USER', 'SMTP_URL', 3],
])('%j and %j are %i edits apart, in either order', (a, b, edits) => {
  expect(editDistance(a, b)).toBe(edits)
  expect(editDistance(b, a)).toBe(edits)
})

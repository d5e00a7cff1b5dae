import { describe, expect, it } from 'vitest'
import { defaultPassword, readPassword } from '../../src/runtime/password-rules.ts'

describe('a password', () => {
  it.each([
    ['eight characters', 'xxxxxxxx'],
    ['eight of two bytes each', 'ыыыыыыыы'],
    ['all that bcrypt reads', 'x'.repeat(72)],
    ['spaces, also at its ends', '  correct horse  '],
    ['the default one, where somebody wants it', defaultPassword],
  ])('may be %s', (_, text) => expect(readPassword(text)).toEqual({ value: text }))

  it.each([
    ['nothing', '', 'is empty'],
    ['seven characters', 'xxxxxxx', 'has fewer than 8 characters'],
    ['seven characters that JavaScript counts as fourteen', '🙂'.repeat(7), 'has fewer than 8 characters'],
    ['more than bcrypt reads', 'x'.repeat(73), 'is 73 bytes long in UTF-8, and bcrypt reads no more than the first 72'],
    ['two lines', 'one line\nanother', 'holds a line break or another control character'],
    ['a NUL, where some implementations end', 'eight\0characters', 'holds a line break or another control character'],
  ])('may not be %s', (_, text, reason) => expect(readPassword(text)).toEqual({ reason }))
})

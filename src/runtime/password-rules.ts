import { holdsControlCharacter } from './mail-address.ts'
import type { Reading } from './reading.ts'

/** The password that the platform's documentation gives its default administrator: everybody knows it. */
export const defaultPassword = 'admin123'

/** Completes "expected …". */
export const passwordForm = '8 characters or more, in 72 bytes of UTF-8 at most'

/** What NIST SP 800-63B asks of a password that stands beside a limit on attempts. */
const leastCharacters = 8
/** What bcrypt reads; it silently ignores the rest, so that a longer password would be matched by any with the same beginning. */
const mostBytes = 72

/** Reads a password that somebody wants to have. Any printable text will do, of any language, with spaces. Never throws. */
export function readPassword(text: string): Reading<string> {
  if (text === '') return { reason: 'is empty' }
  // Some implementations of bcrypt end a password at its first NUL; the others nobody types.
  if (holdsControlCharacter(text)) return { reason: 'holds a line break or another control character' }
  if ([...text].length < leastCharacters) return { reason: `has fewer than ${leastCharacters} characters` }
  const bytes = Buffer.byteLength(text)
  if (bytes > mostBytes) {
    return { reason: `is ${bytes} bytes long in UTF-8, and bcrypt reads no more than the first ${mostBytes}` }
  }
  return { value: text }
}

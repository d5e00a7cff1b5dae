import type { Reading } from '../runtime/reading.ts'

/** Reads the IANA name of a time zone that this Node.js knows. */
export function readTimeZone(text: string): Reading<string> {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return { value: text }
  } catch {
    return { reason: 'is no time zone' }
  }
}

import type { Reading } from '../runtime/reading.ts'

/** Local times such as `09:00`: open within [opens, closes). */
export interface OpeningHours {
  readonly opens: string
  readonly closes: string
}

/** Reads `09:00-20:00`. */
export function readOpeningHours(text: string): Reading<OpeningHours> {
  const [, opens, closes] = /^((?:[01]\d|2[0-3]):[0-5]\d) ?- ?((?:[01]\d|2[0-3]):[0-5]\d|24:00)$/.exec(text) ?? []
  if (opens === undefined || closes === undefined) return { reason: 'is no pair of times' }
  return opens < closes ? { value: { opens, closes } } : { reason: 'ends before it begins' }
}

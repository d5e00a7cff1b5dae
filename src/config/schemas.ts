import { z } from 'zod'
import type { Reading } from '../runtime/reading.ts'

/** Turns the text of a variable into its value. Its `description` completes "expected …" in faults and in the documentation. */
export type TextSchema<T = unknown> = z.ZodType<T, string>

/** Reads a text by a function; the function's reason becomes that of the fault. */
export function readBy<T>(expected: string, read: (text: string) => Reading<T>): TextSchema<T> {
  return z
    .string()
    .transform((text, context): T => {
      const reading = read(text)
      if ('value' in reading) return reading.value
      context.addIssue({ code: 'custom', message: reading.reason })
      return z.NEVER
    })
    .describe(expected)
}

/** A whole number in decimal digits, both bounds included. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): TextSchema<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `, ${least} or more` : ` from ${least} to ${most}`
  return z
    .string()
    .regex(/^\d+$/)
    .transform((text) => Number(text))
    .pipe(z.number().min(least).max(most))
    .describe(`a whole number${range}`)
}

/** A number with or without decimals, both bounds included. */
export function decimalNumber(least: number, most: number): TextSchema<number> {
  return z
    .string()
    .regex(/^\d+(\.\d+)?$/)
    .transform((text) => Number(text))
    .pipe(z.number().min(least).max(most))
    .describe(`a number from ${least} to ${most}, decimals allowed`)
}

/** One of a few words, as they are written here. */
export function oneOf<const Words extends readonly [string, string, ...string[]]>(
  words: Words,
): TextSchema<Words[number]> {
  return z.enum(words).describe(`one of ${words.map((word) => `\`${word}\``).join(', ')}`)
}

/** A text that a pattern matches whole. */
export function matching(expected: string, pattern: RegExp): TextSchema<string> {
  return z.string().regex(pattern).describe(expected)
}

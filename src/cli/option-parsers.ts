import { InvalidArgumentError } from 'commander'
import type { Reading } from '../runtime/reading.ts'

const largestId = 2_147_483_647

/** For an option that may be given once only: a second value would silently win over the first. */
export function once<T>(parse: (text: string) => T): (text: string, previous: T | undefined) => T {
  return (text, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    return parse(text)
  }
}

/** For an option that may be given several times, or with several values between commas. */
export function each<T>(parse: (text: string) => T): (text: string, previous: readonly T[] | undefined) => T[] {
  return (text, previous = []) => [...previous, ...text.split(',').map((part) => parse(part.trim()))]
}

/** Makes of a reading what commander wants; `expected` says what would have been right. */
export function by<T>(read: (text: string) => Reading<T>, expected: string): (text: string) => T {
  return (text) => {
    const reading = read(text)
    if ('reason' in reading) throw new InvalidArgumentError(`It ${reading.reason}; expected ${expected}.`)
    return reading.value
  }
}

export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (value >= from && value <= to) return value
    throw new InvalidArgumentError(`Expected a whole number from ${from} to ${to}.`)
  }
}

/** The id of a message in its queue. */
export const messageId = wholeNumber(1, largestId)

export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text)
    if (found !== undefined) return found
    const others = words.length > 1 ? `${words.slice(0, -1).join(', ')} or ` : ''
    throw new InvalidArgumentError(`Expected ${others}${words.at(-1)}.`)
  }
}

/** Any text but none, at most `longest` characters (Unicode code points, as PostgreSQL counts them). */
export function someText(longest = Number.POSITIVE_INFINITY): (text: string) => string {
  return (text) => {
    if (text.trim() === '') throw new InvalidArgumentError('Expected some text.')
    if ([...text].length > longest) throw new InvalidArgumentError(`Expected at most ${longest} characters.`)
    return text
  }
}

import { readPhoneNumber } from '../../notifications/channels/sms/phone-number.ts'
import type { Reading } from '../../runtime/reading.ts'
import { type AddressPattern, readAddressPattern } from '../address-pattern.ts'

/** Whom notifications go to, whatever the channel. */
export interface RecipientPattern {
  /** As it was given. */
  readonly text: string
  /** What it means to e-mail. */
  readonly address: AddressPattern | undefined
  /** What it means to SMS: the ways to write a number without punctuation; none for what is no number. */
  readonly numbers: readonly string[]
}

const chatName = /^@\w+$/
const phoneNumber = /^\+?[\d\s().-]+$/

/** Reads `name@example.org`, `@example.org`, the id or the `@name` of a chat, or a phone number. Never throws. */
export function readRecipientPattern(given: string): Reading<RecipientPattern> {
  const text = given.trim()
  const none = { text, address: undefined, numbers: [] }
  if (/^-\d+$/.test(text) || chatName.test(text)) return { value: none }
  if (phoneNumber.test(text) && /\d/.test(text)) return { value: { ...none, numbers: spellings(text) } }
  const address = readAddressPattern(text)
  return 'reason' in address ? address : { value: { ...none, address: address.value } }
}

/** As it was given, in E.164, and for a number of +7 as it is written at home. */
function spellings(text: string): string[] {
  const given = text.replace(/[^\d+]/g, '')
  const number = readPhoneNumber(text)
  if ('reason' in number) return [given]
  const [, atHome] = /^\+7(\d+)$/.exec(number.value) ?? []
  const others = atHome === undefined ? [] : [`8${atHome}`, `7${atHome}`, atHome]
  return [...new Set([given, number.value, ...others])]
}

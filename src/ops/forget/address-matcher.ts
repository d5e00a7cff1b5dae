import { createHash } from 'node:crypto'
import { splitAddressList } from '../../email/address-list.ts'
import { erasedAddress } from '../../email/erased.ts'
import { readMailbox } from '../../runtime/mail-address.ts'
import type { AddressPattern } from '../address-pattern.ts'

/** Finds one address wherever it may stand, in the ways that mails, addresses of web pages, HTML and JSON spell it. */
export interface AddressMatcher {
  /** A regular expression, the same for PostgreSQL and JavaScript, whatever the case of its letters: of this address and no longer one. */
  readonly exact: string
  /** One that also finds longer addresses, and is twenty to ninety times as fast. */
  readonly rough: string
  /** SHA-256 of the address in lower case, its domain in ASCII: `sha256:…`. */
  readonly hash: string
  /** Text with the address taken out. */
  mask(text: string): string
  /** A To, Cc or Bcc field with the address taken out, and with the name beside it. */
  maskRecipients(field: string): string
}

/** What a longer address or domain would go on with. Spelled out: what PostgreSQL takes for a letter depends on the database's locale. */
const letter = '[0-9A-Za-z\\u00c0-\\u024f\\u0370-\\u1fff\\u3040-\\ud7ff]'
/** Letters that belong to what was escaped: `%20ann@…` in a link, `\nann@…` in JSON. */
const escaped = '%[0-9A-Fa-f]{2}|\\\\[bfnrt]|\\\\u[0-9A-Fa-f]{4}'
const before = `(?:(?<=${escaped})|(?<!${letter}[.+_-]*))`
const after = `(?!\\.?-*${letter})`
const at = '(?:@|%40|&#0*64;|&#[xX]0*40;|&commat;)'
/** What a field holds. A short address leaves no room for what stands in its place. */
const fieldCharacters = 255
const quote = '(?:\\\\?"|%22|&quot;)'

/** Of one address, not of a whole domain. */
export function matcherOf({ localPart = '', domains }: AddressPattern): AddressMatcher {
  const local = localPart.startsWith('"') ? spelled(localPart) : `${spelled(localPart)}${quote}?`
  const rough = `${local}${at}(?:${domains.map(spelled).join('|')})`
  const exact = `${before}${rough}${after}`
  const all = new RegExp(exact, 'gi')
  const mask = (text: string) => text.replace(all, erasedAddress)
  return {
    exact,
    rough,
    hash: `sha256:${createHash('sha256').update(`${localPart.toLowerCase()}@${domains[0]}`).digest('hex')}`,
    mask,
    maskRecipients: (field) => maskRecipients(field, mask),
  }
}

/** An entry that is no mailbox may hold anything: there only the address goes. */
function maskRecipients(field: string, mask: (text: string) => string): string {
  if (mask(field) === field) return field
  const entries = splitAddressList(field).map(({ text }) => {
    const mailbox = readMailbox(text)
    const isMeant = 'value' in mailbox && mask(mailbox.value.address) === erasedAddress
    return isMeant ? erasedAddress : mask(text)
  })
  const masked = entries.join(', ')
  return masked.length <= fieldCharacters ? masked : entries.filter((entry) => entry !== erasedAddress).join(',')
}

function spelled(text: string): string {
  return [...text].map(spelledCharacter).join('')
}

/** Both cases of what is not ASCII are named: whether PostgreSQL knows that they are one depends on the database's locale. */
function spelledCharacter(character: string): string {
  if (/[0-9A-Za-z]/.test(character)) return character
  if (character === '"') return quote
  const cases = [...new Set([character, character.toLowerCase(), character.toUpperCase()])]
  const ways = cases.flatMap((way) => [way, percentEncoded(way)])
  const backslash = character === '\\' ? ['\\\\'] : []
  return `(?:${[...ways, ...backslash].map(escapeRegexp).join('|')})`
}

function percentEncoded(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

function escapeRegexp(text: string): string {
  return text.replace(/[\\^$.[\]|()?*+{}-]/g, '\\$&')
}

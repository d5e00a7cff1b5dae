import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import type { Reading } from './reading.ts'

/** One mailbox. Neither part holds a control character, `<` or `>`, so both may go into a header or an SMTP command. */
export interface Mailbox {
  /** The address with its domain in lower-case ASCII (punycode); the local part as it was given, quotes included. */
  readonly address: string
  /** The display name, or an empty string. */
  readonly name: string
}

/** Longest local part and longest address, in octets of UTF-8 (RFC 5321 4.5.3.1, and RFC 3696's erratum 1690). */
const localPartOctets = 64
const addressOctets = 254

/** Longest text of one mailbox that is looked at: a header line ends at 998 octets (RFC 5322 2.1.1). */
const mailboxCharacters = 998

/** Control characters and Unicode's line breaks: what could end a header line or an SMTP command. */
const controlCharacter = /[\p{Cc}\u2028\u2029]/u
/** Format characters (zero-width spaces, direction marks) and lone surrogates: nobody sees them, and parsers differ on them. */
const invisibleCharacter = /[\p{Cf}\p{Cs}]/u
const addressForm = /^("(?:[^"\\]|\\.)*"|[^"@]*)@([^@]*)$/u
const namedForm = /^((?:"(?:[^"\\]|\\.)*"|[^"<>()])*)<([^<>]*)>$/u
const dotAtom = /^[^\s"(),.:;<>@[\\\]]+(?:\.[^\s"(),.:;<>@[\\\]]+)*$/u
/** Parsers trim, or take the brackets for those of an address. */
const unsafeQuotation = /^"(?:"|\\?\s)|\s"$|[<>]/u
const notInDomain = /[^\P{ASCII}A-Za-z0-9.-]/u
const domainLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** Whether a text holds a character that could end a header line or an SMTP command, or any other control character. */
export function holdsControlCharacter(text: string): boolean {
  return controlCharacter.test(text)
}

/**
 * Reads `a@b.org` or `Name <a@b.org>`: exactly one mailbox with nothing left over. Never throws.
 * Stricter than RFC 5322: no comments, no routes, no folding. A text that two programs may read differently is refused
 * rather than repaired, so that mail goes where the text says or nowhere.
 */
export function readMailbox(text: string): Reading<Mailbox> {
  if (text.length > mailboxCharacters) return { reason: `is longer than ${mailboxCharacters} characters` }
  if (holdsControlCharacter(text)) return { reason: 'holds a control character' }
  const trimmed = text.trim()
  const named = namedForm.exec(trimmed)
  const address = readMailAddress(named?.[2]?.trim() ?? trimmed)
  if ('reason' in address) return { reason: explain(trimmed, address.reason) }
  return { value: { address: address.value, name: displayName(named?.[1] ?? '') } }
}

/**
 * Reads a bare address. The local part may be quoted or hold non-ASCII characters (RFC 6531); the domain may be a name
 * without a dot, an internationalised name, or a literal such as `[192.0.2.1]`. Never throws.
 */
export function readMailAddress(text: string): Reading<string> {
  if (text === '') return { reason: 'holds no address' }
  if (holdsControlCharacter(text)) return { reason: 'holds a control character' }
  if (invisibleCharacter.test(text)) return { reason: 'holds an invisible character' }
  if (!text.includes('@')) return { reason: 'has no @' }
  const [, local, domain] = addressForm.exec(text) ?? []
  if (local === undefined || domain === undefined) return { reason: 'is not one address of the form name@domain' }
  const fault = localPartFault(local)
  if (fault !== undefined) return { reason: fault }
  const ascii = readMailDomain(domain)
  if ('reason' in ascii) return ascii
  const address = `${local}@${ascii.value}`
  if (Buffer.byteLength(address) > addressOctets) return { reason: `is longer than ${addressOctets} octets` }
  return { value: address }
}

/** Reads the domain of an address, and gives it in lower-case ASCII (punycode where needed). Never throws. */
export function readMailDomain(text: string): Reading<string> {
  if (text === '') return { reason: 'has no domain' }
  if (text.startsWith('[')) return readAddressLiteral(text)
  // domainToASCII reads a URL's host: it undoes percent escapes and takes 127.1 for 127.0.0.1, so look first.
  const ascii = notInDomain.test(text) ? '' : domainToASCII(text)
  const labels = ascii.split('.')
  if (!labels.every((label) => domainLabel.test(label))) return { reason: 'has no valid domain' }
  if (/^\d+$/.test(labels.at(-1) ?? '')) return { reason: 'has an IP address that is not in square brackets' }
  return { value: ascii }
}

function readAddressLiteral(text: string): Reading<string> {
  const inner = text.slice(1, -1)
  const ipv6 = inner.replace(/^IPv6:/i, '')
  if (text.endsWith(']') && isIPv4(inner)) return { value: text }
  if (text.endsWith(']') && ipv6 !== inner && isIPv6(ipv6)) return { value: `[IPv6:${ipv6.toLowerCase()}]` }
  return { reason: 'has no valid IP address in its square brackets' }
}

function localPartFault(local: string): string | undefined {
  if (local === '') return 'has nothing before the @'
  if (Buffer.byteLength(local) > localPartOctets) return `has more than ${localPartOctets} octets before the @`
  if (local.startsWith('"'))
    return unsafeQuotation.test(local) ? 'has <, > or an outer space in the quotes before the @' : undefined
  return dotAtom.test(local) ? undefined : 'has a character before the @ that is not allowed there unquoted'
}

/** The commonest causes first; the reason found by reading the text as an address otherwise. */
function explain(text: string, reason: string): string {
  const unquoted = text.replace(/"(?:[^"\\]|\\.)*"/gu, '')
  if (unquoted.includes('"')) return 'has a quotation mark without its partner'
  if (/[()]/.test(unquoted)) return 'has parentheses outside double quotes'
  if (!text.includes('<') && /@\S*\s+\S*@/u.test(unquoted))
    return 'holds several addresses without a comma between them'
  return reason
}

function displayName(phrase: string): string {
  return phrase
    .replace(/"((?:[^"\\]|\\.)*)"/gu, (_, quoted: string) => quoted.replace(/\\(.)/gu, '$1'))
    .replace(/[<>]/g, '')
    .replace(/\s+/gu, ' ')
    .trim()
    .toWellFormed()
}

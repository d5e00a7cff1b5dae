import { isIP } from 'node:net'
import type { Reading } from '../runtime/reading.ts'

const encodingHint =
  'percent-encode special characters of the password: %40 for @, %2F for /, %23 for #, %3F for ?, %25 for %'

/** Reads a PostgreSQL URL as node-postgres takes them, sockets included (`postgres:///name?host=/run/postgresql`). */
export function readDatabaseUrl(text: string): Reading<string> {
  // With credentials and no host (`postgres://user:password@/name?host=…`) it is no URL to anybody but PostgreSQL's clients.
  const url = readUrl(text.replace('@/', '@localhost/'), ['postgres:', 'postgresql:'])
  if ('reason' in url) return url
  if (url.value.hash !== '') return { reason: `has a fragment (#); ${encodingHint}` }
  if (url.value.pathname.lastIndexOf('/') > 0) return { reason: `has a / in the database's name; ${encodingHint}` }
  return { value: text }
}

/** Reads the URL of a mail server, its options left to nodemailer, or `mailbox:`. */
export function readSmtpUrl(text: string): Reading<string> {
  if (text === 'mailbox:') return { value: text }
  const url = readUrl(text, ['smtp:', 'smtps:'])
  if ('reason' in url) return url
  if (url.value.hostname === '') return { reason: 'names no host' }
  if (!['', '/'].includes(url.value.pathname) || url.value.hash !== '') {
    return { reason: `has a / or # after the host; ${encodingHint}` }
  }
  return { value: text }
}

/** Reads the root of a Bot API server, given without a slash at its end, or `outbox:`. */
export function readApiRoot(text: string): Reading<string> {
  return text === 'outbox:' ? { value: text } : readServerRoot(text)
}

/** Reads the root of an HTTP server, given without a slash at its end. */
export function readServerRoot(text: string): Reading<string> {
  const url = readUrl(text, ['http:', 'https:'])
  if ('reason' in url) return url
  const { username, password, search, hash } = url.value
  if (username + password + search + hash !== '') return { reason: 'has credentials, a query or a fragment' }
  return { value: url.value.href.replace(/\/+$/, '') }
}

/** Reads the address of an SMS gateway, which has `{to}` and `{text}` in its path or query. */
export function readGatewayUrl(text: string): Reading<string> {
  const missing = ['{to}', '{text}'].find((place) => !text.includes(place))
  if (missing !== undefined) return { reason: `has no ${missing}` }
  const filled = text.replaceAll('{to}', '0').replaceAll('{text}', '0')
  const url = readUrl(filled, ['http:', 'https:'])
  if ('reason' in url) return url
  if (url.value.hash !== '') return { reason: 'has a fragment (#)' }
  return { value: text }
}

/** Reads what a server can listen on: an IP address without brackets, or a host name. */
export function readHost(text: string): Reading<string> {
  const isHost = isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text)
  return isHost ? { value: text } : { reason: 'is neither' }
}

function readUrl(text: string, protocols: readonly string[]): Reading<URL> {
  if (/[\s\p{Cc}]/u.test(text)) return { reason: 'holds white space' }
  const protocol = protocols.find((candidate) => text.startsWith(`${candidate}//`))
  if (protocol === undefined)
    return { reason: `does not start with ${protocols.map((name) => `${name}//`).join(' or ')}` }
  const url = URL.parse(text)
  if (url === null) return { reason: `is not a URL; ${encodingHint}` }
  if (!isDecodable(url)) return { reason: `has a % that is no percent escape of UTF-8; ${encodingHint}` }
  // Where a password holds a bare / or ?, what looks like the host is the user's name.
  if (`${url.pathname}${url.search}`.includes('@')) return { reason: `has an @ behind the host; ${encodingHint}` }
  return { value: url }
}

function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    decodeURIComponent(`${username}${password}${pathname}`)
    return true
  } catch {
    return false
  }
}

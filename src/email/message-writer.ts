import { randomUUID } from 'node:crypto'
import type { WholeDraft } from './compose.ts'
import { headerField, mailboxWords, subjectWords } from './header-field.ts'

interface Content {
  readonly type: 'text/plain' | 'text/html'
  readonly encoding: '7bit' | 'base64'
  readonly encoded: string
}

const base64Line = 76
/** RFC 5322 2.1.1, without the line end. */
const longestLine = 998

/**
 * Writes a message in one go. The draft's addresses, Message-ID and further fields must be printable ASCII, its bodies must have CRLF
 * line ends, and one of them must not be empty.
 */
export function writeMessage(draft: WholeDraft): Buffer {
  const contents = [contentOf('text/plain', draft.text), contentOf('text/html', draft.html)]
  const [first, second] = contents.filter(({ encoded }) => encoded !== '')
  if (!first) throw new TypeError('a message without a body cannot be written in one go')
  const body = second ? alternatives(first, second) : single(first)
  return Buffer.from(writeHeader(draft) + body, 'latin1')
}

function writeHeader({ headers, from, to, cc, subject, messageId, date }: WholeDraft): string {
  let header = ''
  for (const [name, value] of Object.entries(headers)) header += headerField(name, value.split(' '))
  header += headerField('From', mailboxWords([from]))
  if (to.length > 0) header += headerField('To', mailboxWords(to))
  if (cc.length > 0) header += headerField('Cc', mailboxWords(cc))
  const words = subjectWords(subject)
  if (words.length > 0) header += headerField('Subject', words)
  const dated = date.toUTCString().replace('GMT', '+0000')
  return `${header}Message-ID: ${messageId}\r\nDate: ${dated}\r\nMIME-Version: 1.0\r\n`
}

function single({ type, encoding, encoded }: Content): string {
  const end = encoded.endsWith('\n') ? '' : '\r\n'
  return `Content-Transfer-Encoding: ${encoding}\r\nContent-Type: ${type}; charset=utf-8\r\n\r\n${encoded}${end}`
}

function alternatives(first: Content, second: Content): string {
  // Nobody can guess it, so that no body can hold it.
  const boundary = `=_${randomUUID()}`
  const parts = part(boundary, first) + part(boundary, second)
  return `Content-Type: multipart/alternative;\r\n boundary="${boundary}"\r\n\r\n${parts}--${boundary}--\r\n`
}

function part(boundary: string, { type, encoding, encoded }: Content): string {
  const fields = `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}`
  return `--${boundary}\r\n${fields}\r\n\r\n${encoded}\r\n`
}

/** As it is, where every server and reader takes it so; else base64, which is cheaper to write than quoted-printable. */
function contentOf(type: Content['type'], body: string): Content {
  if (/^[\t\r\n\x20-\x7e]*$/.test(body) && hasShortLines(body)) return { type, encoding: '7bit', encoded: body }
  return { type, encoding: 'base64', encoded: inLines(Buffer.from(body).toString('base64')) }
}

function hasShortLines(body: string): boolean {
  let from = 0
  for (let to = body.indexOf('\r\n'); to !== -1; to = body.indexOf('\r\n', from)) {
    if (to - from > longestLine) return false
    from = to + 2
  }
  return body.length - from <= longestLine
}

function inLines(base64: string): string {
  let lines = base64.slice(0, base64Line)
  for (let from = base64Line; from < base64.length; from += base64Line) {
    lines += `\r\n${base64.slice(from, from + base64Line)}`
  }
  return lines
}

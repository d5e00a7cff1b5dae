import MailComposer from 'nodemailer/lib/mail-composer'
import type { Mailbox } from '../runtime/mail-address.ts'
import { subjectWords } from './header-field.ts'
import { writeMessage } from './message-writer.ts'
import { oneLine } from './one-line.ts'

/** What one message says. Who receives it beyond To and Cc (Bcc) is a matter of the envelope alone. */
export interface Draft {
  readonly from: Mailbox
  readonly to: readonly Mailbox[]
  readonly cc: readonly Mailbox[]
  readonly subject: string
  /** An empty text beside HTML is left out. */
  readonly text: string
  /** Null or empty for a message of text alone. */
  readonly html: string | null
  /** With its angle brackets; it is used as it is. */
  readonly messageId: string
  readonly date: Date
  /** Further header fields, such as `List-Unsubscribe`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Above this many characters the body goes through nodemailer's streams, so as not to hold the event loop up. */
const longestSynchronousBody = 256_000

const plainAddress = /^[\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*@[a-z0-9.-]+$/
const plainMessageId = /^<[\x21-\x7e]{1,900}>$/
/** Fields without a structure that nodemailer would have to know, in the case that it writes them in. */
const plainFieldName = /^(?:X|List|Auto|Feedback)(?:-[A-Z][a-z]+)+$/
const plainFieldValue = /^[\x21-\x7e]{1,900}(?: [\x21-\x7e]{1,900})*$/

/**
 * The message of RFC 5322 and MIME, ready for DATA: CRLF line ends, no line above 998 octets, dots not yet doubled.
 * Line breaks of any kind in the bodies become CRLF. Nothing in the draft can add a header field: control characters
 * in the subject and in names become spaces. For one draft only the multipart boundary differs from call to call.
 *
 * Usual mail is written at once, which takes some 20 µs. A promise comes back for the rest, which nodemailer composes
 * in some 400: large bodies, none at all, addresses that are quoted or not ASCII, unusual header fields.
 *
 * Says `Auto-Submitted: auto-generated` (RFC 3834): every row is written by a program, and the field keeps absence
 * replies and ticket systems from answering an address that nobody reads.
 */
export function composeMessage(draft: Draft): Buffer | Promise<Buffer> {
  const whole = {
    ...draft,
    text: withCrlf(draft.text),
    html: withCrlf(draft.html ?? ''),
    headers: { 'Auto-Submitted': 'auto-generated', ...draft.headers },
  }
  return isUsual(whole) ? writeMessage(whole) : composeByNodemailer(whole)
}

/** A draft with all that goes without saying said. */
export interface WholeDraft extends Draft {
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

function isUsual({ from, to, cc, text, html, messageId, headers }: WholeDraft): boolean {
  const bodyLength = text.length + html.length
  return (
    bodyLength > 0 &&
    bodyLength <= longestSynchronousBody &&
    hasPlainAddress(from) &&
    to.every(hasPlainAddress) &&
    cc.every(hasPlainAddress) &&
    plainMessageId.test(messageId) &&
    Object.entries(headers).every(isPlainField)
  )
}

function hasPlainAddress({ address }: Mailbox): boolean {
  return plainAddress.test(address)
}

function isPlainField([name, value]: [string, string]): boolean {
  return plainFieldName.test(name) && plainFieldValue.test(value) && !value.includes('=?')
}

function composeByNodemailer({ from, to, cc, subject, ...rest }: WholeDraft): Promise<Buffer> {
  const composer = new MailComposer({
    ...rest,
    from: presentable(from),
    to: to.map(presentable),
    cc: cc.map(presentable),
    // nodemailer leaves encoded words as they are.
    subject: subjectWords(subject).join(' '),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return composer.compile().build()
}

function presentable(mailbox: Mailbox): Mailbox {
  return { address: mailbox.address, name: oneLine(mailbox.name) }
}

function withCrlf(body: string): string {
  return body.replace(/\r\n|\r|\n/g, '\r\n')
}

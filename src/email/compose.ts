import MailComposer from 'nodemailer/lib/mail-composer'
import * as mimeFuncs from 'nodemailer/lib/mime-funcs'
import type { Mailbox } from '../runtime/mail-address.ts'
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

/** Longest encoded word with its frame (RFC 2047 allows 75). */
const encodedWordLength = 52

/**
 * The message of RFC 5322 and MIME, ready for DATA: CRLF line ends, no line above 998 octets, dots not yet doubled.
 * Line breaks of any kind in the bodies become CRLF. Nothing in the draft can add a header field: control characters
 * in the subject and in names become spaces. For one draft only the multipart boundary differs from call to call.
 *
 * Says `Auto-Submitted: auto-generated` (RFC 3834): every row is written by a program, and the field keeps absence
 * replies and ticket systems from answering an address that nobody reads.
 */
export async function composeMessage(draft: Draft): Promise<Buffer> {
  const text = withCrlf(draft.text)
  const html = withCrlf(draft.html ?? '')
  const message = new MailComposer({
    from: presentable(draft.from),
    to: draft.to.map(presentable),
    cc: draft.cc.map(presentable),
    subject: literal(oneLine(draft.subject)),
    text,
    html,
    messageId: draft.messageId,
    date: draft.date,
    headers: { 'Auto-Submitted': 'auto-generated', ...draft.headers },
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile()
  return text.length + html.length > longestSynchronousBody ? message.build() : writeMessage(message)
}

function presentable(mailbox: Mailbox): Mailbox {
  return { address: mailbox.address, name: oneLine(mailbox.name) }
}

/** What looks like an encoded word would be decoded by the reader: it is encoded, so that it reads as it was written. */
function literal(subject: string): string {
  return subject.includes('=?') ? mimeFuncs.encodeWord(subject, 'B', encodedWordLength) : subject
}

function withCrlf(body: string): string {
  return body.replace(/\r\n|\r|\n/g, '\r\n')
}

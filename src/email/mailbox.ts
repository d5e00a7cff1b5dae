import { datedStem, writeNewFile } from '../runtime/new-file.ts'
import { fileSlug } from './file-slug.ts'
import { oneLine } from './one-line.ts'

/** One mail as it would be handed to a server, and what its file is named after. */
export interface MailboxDelivery {
  readonly envelopeFrom: string
  /** All of the envelope, Bcc included. */
  readonly recipients: readonly string[]
  readonly message: Buffer
  readonly emailId: number
  readonly subject: string
}

/** A directory that mail is delivered to instead of a server. */
export interface LocalMailbox {
  readonly directory: string
  /**
   * Writes one `.eml` file, readable by its owner only: the trace fields that a delivering server adds (RFC 5321
   * section 4.4), then the message byte for byte. The file is durable once the promise resolves, and nobody
   * sees a part of it. Names sort by time. Any number of processes may deliver at once. Throws `MailboxError`.
   */
  deliver(delivery: MailboxDelivery): Promise<{ path: string }>
}

/** The mail could not be written: no space, no permission. */
export class MailboxError extends Error {
  override readonly name = 'MailboxError'
  readonly code = 'EMAIL_MAILBOX_WRITE'
}

/** The mailbox in `directory`, which the first delivery makes where it is missing. `now` dates the files. */
export function createMailbox(options: { directory: string; now?: () => Date }): LocalMailbox {
  const { directory, now = () => new Date() } = options

  return {
    directory,
    async deliver(delivery) {
      const content = Buffer.concat([traceFields(delivery), delivery.message])
      try {
        const stem = `${datedStem(now(), delivery.emailId)}-${fileSlug(delivery.subject)}`
        return { path: await writeNewFile({ directory, stem, extension: 'eml' }, content) }
      } catch (cause) {
        throw new MailboxError(`cannot write a mail into ${directory}`, { cause })
      }
    },
  }
}

function traceFields(delivery: MailboxDelivery): Buffer {
  const fields = [
    `Return-Path: <${oneLine(delivery.envelopeFrom)}>`,
    ...delivery.recipients.map((address) => `Delivered-To: ${oneLine(address)}`),
  ]
  return Buffer.from(`${fields.join('\r\n')}\r\n`)
}

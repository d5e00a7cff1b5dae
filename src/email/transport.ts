import { parseConnectionUrl } from 'nodemailer/lib/shared'
import type SMTPConnection from 'nodemailer/lib/smtp-connection'
import { createMailbox } from './mailbox.ts'
import type { SmtpExchange } from './smtp-exchange.ts'
import { type SmtpEnvelope, SmtpLane } from './smtp-lane.ts'

export interface OutgoingMail {
  readonly emailId: number
  readonly subject: string
  readonly envelope: SmtpEnvelope
  /** Complete, CRLF line ends. */
  readonly message: Buffer
}

/** Where mail goes. At most `lanes` mails are offered at once. */
export interface Transport {
  /** For logs and people; without credentials. */
  readonly destination: string
  offer(mail: OutgoingMail): Promise<SmtpExchange>
  /** Connections that work now. */
  readonly working: number
  /** Connects and logs in on one lane; true when that works. */
  probe(): Promise<boolean>
  /** Ends everything under way and closes. */
  close(): void
}

const defaults: SMTPConnection.Options = {
  connectionTimeout: 15_000,
  greetingTimeout: 15_000,
  // Servers may think long about a message (RFC 5321, 4.5.3.2); giving up early makes duplicates.
  socketTimeout: 300_000,
  allowInternalNetworkInterfaces: true,
}

/** A transport for an `smtp:` or `smtps:` URL with nodemailer's options, or for `mailbox:`. */
export function createTransport(url: string, { lanes, mailbox }: { lanes: number; mailbox: string }): Transport {
  return url.startsWith('mailbox:') ? mailboxTransport(mailbox) : smtpTransport(url, lanes)
}

function smtpTransport(url: string, count: number): Transport {
  const options: SMTPConnection.Options = { ...defaults, ...parseConnectionUrl(url) }
  const lanes = Array.from({ length: count }, () => new SmtpLane(options))
  const idle = [...lanes]

  /** One that is open before one that is not, whose connection the server might turn away; the one used last is most surely alive. */
  const take = (): SmtpLane | undefined => {
    // None is open: -1, which splice takes for the last one.
    const open = idle.findLastIndex((lane) => lane.open)
    return idle.splice(open, 1)[0]
  }

  const withLane = async <T>(use: (lane: SmtpLane) => Promise<T>): Promise<T> => {
    const lane = take()
    if (!lane) throw new Error('More mails offered at once than there are lanes')
    try {
      return await use(lane)
    } finally {
      idle.push(lane)
    }
  }

  return {
    destination: `${options.host}:${options.port ?? (options.secure ? 465 : 587)}`,
    offer: ({ envelope, message }) => withLane((lane) => lane.exchange(envelope, message)),
    get working() {
      return lanes.filter((lane) => lane.open).length
    },
    probe: () => withLane(async (lane) => (await lane.connect()) === undefined),
    close() {
      for (const lane of lanes) lane.close()
    },
  }
}

const taken = { code: 250, enhanced: '2.0.0', text: 'in the local mailbox' }

function mailboxTransport(directory: string): Transport {
  const mailbox = createMailbox({ directory })
  return {
    destination: directory,
    working: 0,
    async offer({ emailId, subject, envelope, message }) {
      await mailbox.deliver({ envelopeFrom: envelope.from, recipients: [...envelope.to], message, emailId, subject })
      const recipients = envelope.to.map((address) => ({ address, reply: taken }))
      return { stage: 'handed_over', mail: taken, recipients, message: taken, fault: undefined }
    },
    probe: () => Promise.resolve(true),
    close() {},
  }
}

import { access, constants, mkdir } from 'node:fs/promises'
import { parseConnectionUrl } from 'nodemailer/lib/shared'
import { createMailbox } from './mailbox.ts'
import type { SmtpEnvelope } from './smtp-commands.ts'
import { faultOf, type SmtpExchange, type SmtpFault, unsaid, withdrawn } from './smtp-exchange.ts'
import { SmtpLane, type SmtpOptions } from './smtp-lane.ts'

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
  /**
   * Asks `handOver` once, when the mail is about to be handed over and nobody has seen a byte of it. Unless that answers true, it is
   * not handed over, and the exchange ends at `body` with the fault `EWITHDRAWN`.
   */
  offer(mail: OutgoingMail, handOver: () => Promise<boolean>): Promise<SmtpExchange>
  /** Connections that work now. */
  readonly working: number
  /** Connects and logs in anew, on a connection of its own; true when that works, or the server has only no room for it. Never rejects. */
  probe(): Promise<boolean>
  /** Ends everything under way and closes. */
  close(): void
}

const defaults: SmtpOptions = {
  connectionTimeout: 15_000,
  greetingTimeout: 15_000,
  // Servers may think long about a message (RFC 5321, 4.5.3.2); giving up early makes duplicates.
  socketTimeout: 300_000,
  allowInternalNetworkInterfaces: true,
}

/** A server that says nothing for so long is not well. */
const probeTimeoutMs = 15_000

/** A transport for an `smtp:` or `smtps:` URL with nodemailer's options, or for `mailbox:`. */
export function createTransport(url: string, { lanes, mailbox }: { lanes: number; mailbox: string }): Transport {
  return url.startsWith('mailbox:') ? mailboxTransport(mailbox) : smtpTransport(url, lanes)
}

/** What came of connecting to a mail server, and of the login where one is configured. */
export interface Knock {
  /** What prevented it. */
  readonly obstacle: { readonly stage: 'connect' | 'login'; readonly fault: SmtpFault } | undefined
  readonly encrypted: boolean
  readonly loggedIn: boolean
}

/** Connects as for a mail, logs in, and leaves; `url` is no `mailbox:`. Each step waits `timeoutMs` at most. Never rejects. */
export async function knock(url: string, { timeoutMs }: { timeoutMs: number }): Promise<Knock> {
  const limits = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs }
  const lane = new SmtpLane({ ...defaults, ...parseConnectionUrl(url), ...limits })
  const obstacle = await lane.connect()
  const { encrypted, loggedIn } = lane
  lane.close()
  return { obstacle, encrypted, loggedIn }
}

function smtpTransport(url: string, count: number): Transport {
  const options: SmtpOptions = { ...defaults, ...parseConnectionUrl(url) }
  const lanes = Array.from({ length: count }, () => new SmtpLane(options))
  const idle = [...lanes]

  /** One that is open before one that is not, whose connection the server might turn away; the one used last is most surely alive. */
  const take = (): SmtpLane => {
    const lane = idle.findLast((candidate) => candidate.open) ?? idle.at(-1)
    if (!lane) throw new Error('More mails offered at once than there are lanes')
    idle.splice(idle.indexOf(lane), 1)
    return lane
  }

  const probes = new Set<SmtpLane>()
  let closed = false
  return {
    destination: `${options.host}:${options.port ?? (options.secure ? 465 : 587)}`,
    async offer({ envelope, message }, handOver) {
      const lane = take()
      try {
        return await lane.exchange(envelope, message, handOver)
      } finally {
        idle.push(lane)
      }
    },
    get working() {
      return lanes.filter((lane) => lane.open).length
    },
    async probe() {
      if (closed) return false
      const lane = new SmtpLane({ ...options, socketTimeout: probeTimeoutMs })
      probes.add(lane)
      const obstacle = await lane.connect()
      lane.close()
      probes.delete(lane)
      // Turned away for their number while one of ours is open: the server is there, and the next mail goes over that one.
      const tooMany = obstacle?.fault.reply?.code === 421 && lanes.some((one) => one.open)
      return obstacle === undefined || tooMany
    },
    close() {
      closed = true
      for (const lane of [...lanes, ...probes]) lane.close()
    },
  }
}

const taken = { code: 250, enhanced: '2.0.0', text: 'in the local mailbox' }

function mailboxTransport(directory: string): Transport {
  const mailbox = createMailbox({ directory })
  return {
    destination: directory,
    working: 0,
    async offer({ emailId, subject, envelope, message }, handOver) {
      const { from, to } = envelope
      const recipients = to.map((address) => ({ address, reply: taken }))
      if (!(await handOver().catch(() => false))) {
        return { stage: 'body', mail: taken, recipients, message: undefined, fault: withdrawn }
      }
      try {
        await mailbox.deliver({ envelopeFrom: from, recipients: [...to], message, emailId, subject })
      } catch (error) {
        // A full disk, a folder that cannot be written to: about us, not about the mail.
        return unsaid(to, 'connect', faultOf(error as Error))
      }
      return { stage: 'handed_over', mail: taken, recipients, message: taken, fault: undefined }
    },
    probe: () =>
      mkdir(directory, { recursive: true, mode: 0o700 })
        .then(() => access(directory, constants.W_OK))
        .then(
          () => true,
          () => false,
        ),
    close() {},
  }
}

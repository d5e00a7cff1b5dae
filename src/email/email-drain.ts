import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/pool.ts'
import { Drain } from '../queue/drain.ts'
import type { Vitals } from '../runtime/vitals.ts'
import { Delivery } from './delivery.ts'
import { ServerWatch } from './server-watch.ts'
import { type EmailRow, emailTable, takeBack } from './store.ts'
import { createTransport } from './transport.ts'

export interface EmailDrainOptions {
  readonly database: Database
  /** Names the process to others. */
  readonly owner: string
  readonly email: Omit<Config['email'], 'smtpUrl'>
  readonly defaultLocale: Config['defaultLocale']
  readonly environment: string | undefined
  readonly shutdownSeconds: number
  readonly smtpUrl: string
  /** The folder of the local mailbox, for `mailbox:`. */
  readonly mailbox: string
  readonly vitals: Vitals
  readonly log: Logger
  /** The first pause of an outage, in milliseconds. */
  readonly firstPauseMs?: number
}

export interface EmailDrain {
  readonly drain: Drain<EmailRow>
  readonly watch: ServerWatch
  /** Where the mail goes, without credentials. */
  readonly destination: string
  /** Finishes what is in hand within the deadline, gives the rest back, and closes the connections. */
  stop(): Promise<void>
}

/** The parts that deliver `email_queue`, put together. */
export function createEmailDrain(options: EmailDrainOptions): EmailDrain {
  const { database, owner, smtpUrl, mailbox, defaultLocale, environment, shutdownSeconds, vitals, log } = options
  const { concurrency, leaseSeconds, pollSeconds, backoff, holdAmbiguous, from, maxBytes, dkim, sandbox } =
    options.email
  const transport = createTransport(smtpUrl, { lanes: concurrency, mailbox })
  const watch: ServerWatch = new ServerWatch({
    lanes: concurrency,
    transport,
    takeBack: (rows) => takeBack(database, rows),
    onReady: () => drain.wake(),
    onChange: () => vitals.changed(),
    log,
    ...(options.firstPauseMs === undefined ? {} : { firstPauseMs: options.firstPauseMs }),
  })
  const delivery = new Delivery({
    compose: { from, maxBytes, dkim, defaultLocale, sandbox },
    backoff,
    transport,
    watch,
    log,
  })
  const messageIdDomain = from.address.slice(from.address.lastIndexOf('@') + 1)
  vitals.queue('email').outage = () => watch.outage
  const drain = new Drain({
    queue: 'email',
    table: emailTable(database, { owner, environment, leaseSeconds, messageIdDomain, holdAmbiguous }),
    concurrency,
    leaseSeconds,
    pollSeconds,
    capacity: () => watch.capacity,
    work: (work) => delivery.attempt(work),
    onBug: (row, error) => delivery.onBug(row, error),
    vitals,
    log,
  })
  const close = () => {
    watch.stop()
    transport.close()
  }
  return {
    drain,
    watch,
    destination: transport.destination,
    async stop() {
      await drain.stop({ deadlineMs: shutdownSeconds * 1000, abort: close }).finally(close)
    },
  }
}

import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { MessageStream } from './message-stream.ts'
import { faultOf, readExchange, type SmtpExchange, type SmtpFault, unsaid, withdrawn } from './smtp-exchange.ts'

export interface SmtpEnvelope {
  readonly from: string
  readonly to: readonly string[]
}

export type SmtpOptions = SMTPConnection.Options & { auth?: SMTPConnection.AuthenticationType | undefined }

type ConnectionError = Error & { code?: string; command?: string; response?: string | false }

/**
 * One connection to a mail server, opened when it is first needed and kept for the next message. It offers one message at a time and
 * reports what was said; it decides nothing.
 */
export class SmtpLane {
  readonly #options: SmtpOptions
  #connection: SMTPConnection | undefined
  #replies: string[] = []
  #abort: ((error: ConnectionError) => void) | undefined
  #closed = false

  constructor(options: SmtpOptions) {
    this.#options = options
  }

  /** Connected, greeted and logged in, as far as anybody knows. */
  get open(): boolean {
    return this.#connection !== undefined
  }

  /** Connects and logs in, if that is not done yet. Answers what prevents it. */
  async connect(): Promise<{ stage: 'connect' | 'login'; fault: SmtpFault } | undefined> {
    if (this.#closed) return { stage: 'connect', fault: faultOf(stopped()) }
    if (this.#connection) return undefined
    const connection = new SMTPConnection({ ...this.#options, transactionLog: true, logger: this.#listener() })
    const lost = this.#watch(connection)
    let stage: 'connect' | 'login' = 'connect'
    try {
      await Promise.race([lost, promised((done) => connection.connect(done))])
      stage = 'login'
      const { auth } = this.#options
      if (auth && connection.allowsAuth) await Promise.race([lost, promised((done) => connection.login(auth, done))])
      this.#connection = connection
      return undefined
    } catch (error) {
      connection.close()
      return { stage, fault: faultOf(error as ConnectionError) }
    } finally {
      this.#abort = undefined
    }
  }

  /**
   * Offers a message. Once the server says go on, and before it gets a byte of the message, `handOver` is asked, at most once: true
   * lets it go; anything else drops the connection, and the exchange ends at `body` with the fault `EWITHDRAWN`. A connection that
   * went stale while it was idle is replaced at once, before anything was said on it. Throws on what only a bug can cause, such as an
   * address with a line break.
   */
  async exchange(envelope: SmtpEnvelope, message: Buffer, handOver: () => Promise<boolean>): Promise<SmtpExchange> {
    const reused = this.open
    const exchange = await this.#offer(envelope, message, handOver)
    if (!reused || this.#closed || !isStale(exchange)) return exchange
    this.#drop()
    return this.#offer(envelope, message, handOver)
  }

  /** Ends what is under way as if the connection had been lost, and closes for good. */
  close(): void {
    this.#closed = true
    const connection = this.#connection
    this.#connection = undefined
    if (this.#abort) this.#abort(stopped())
    else connection?.quit()
    connection?.close()
  }

  async #offer(envelope: SmtpEnvelope, message: Buffer, handOver: () => Promise<boolean>): Promise<SmtpExchange> {
    const obstacle = await this.connect()
    const connection = this.#connection
    if (obstacle || !connection) return unsaid(envelope.to, obstacle?.stage ?? 'connect', obstacle?.fault)
    this.#replies = []
    const stream = new MessageStream(message, handOver, () => this.#abort?.(withdrawn()))
    let exchange: SmtpExchange
    try {
      await this.#abortable((done) => connection.send({ ...mutable(envelope), size: message.length }, stream, done))
      exchange = readExchange(envelope.to, this.#replies, { handedOver: 'all', fault: undefined })
    } catch (error) {
      exchange = this.#readFailure(envelope, stream, error as ConnectionError)
    }
    await this.#endTransaction(exchange)
    return exchange
  }

  #readFailure(envelope: SmtpEnvelope, stream: MessageStream, error: ConnectionError): SmtpExchange {
    if (error.code === 'EMESSAGE' && error.command === 'MAIL FROM') {
      // nodemailer knows the server's SIZE limit and did not even ask.
      return { ...unsaid(envelope.to, 'mail', undefined), mail: { code: 552, enhanced: '5.3.4', text: error.message } }
    }
    if (error.command === 'API' && error.code !== 'ECONNECTION') throw error
    const answered = error.code === 'EENVELOPE' || error.code === 'EMESSAGE'
    const fault = answered ? undefined : faultOf(error)
    if (fault) this.#drop()
    return readExchange(envelope.to, this.#replies, { handedOver: stream.handedOver, fault })
  }

  /** A message that was not taken leaves its transaction open, and the next MAIL would be refused as nested (RFC 5321, 4.1.4). */
  async #endTransaction({ mail, message, stage }: SmtpExchange): Promise<void> {
    const connection = this.#connection
    const ended = mail === undefined || mail.code >= 300 || (stage === 'handed_over' && message !== undefined)
    if (!connection || ended) return
    try {
      await this.#abortable((done) => connection.reset(done))
    } catch {
      this.#drop()
    }
  }

  #abortable(run: (done: (error?: Error | null) => void) => void): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>()
    this.#abort = reject
    return Promise.race([promise, promised(run)]).finally(() => {
      this.#abort = undefined
    })
  }

  #drop(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  /** Rejects when the connection breaks; forgets it when it ends, whoever ended it. */
  #watch(connection: SMTPConnection): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(ignore)
    this.#abort = reject
    connection.on('error', (error: ConnectionError) => reject(error))
    connection.once('end', () => {
      if (this.#connection === connection) this.#connection = undefined
      reject(Object.assign(new Error('The server closed the connection'), { code: 'ECONNECTION' }))
    })
    return promise
  }

  /** nodemailer tells each answer to its log, in order: the one place where the answers to all recipients can be had. */
  #listener() {
    const debug = (entry: { tnx?: string }, text: string): void => {
      if (entry.tnx === 'server') this.#replies.push(text)
    }
    return { debug, trace: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore }
  }
}

/** The server had given the idle connection up, or still had an earlier transaction open: nothing was said about this message. */
function isStale({ stage, mail }: SmtpExchange): boolean {
  return stage === 'mail' && (mail === undefined || mail.code === 421 || mail.code === 503)
}

/** nodemailer writes into the envelope that it is given. */
function mutable({ from, to }: SmtpEnvelope): { from: string; to: string[] } {
  return { from, to: [...to] }
}

function stopped(): ConnectionError {
  return Object.assign(new Error('Stopped by the worker'), { code: 'ESTOPPED' })
}

function promised(run: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => (error ? reject(error) : resolve()))
  })
}

function ignore(): void {}

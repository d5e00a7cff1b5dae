import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { readFeatures, type SmtpEnvelope } from './smtp-commands.ts'
import { type HandOver, SmtpDialogue } from './smtp-dialogue.ts'
import { connectionClosed, faultOf, type SmtpExchange, type SmtpFault, unsaid } from './smtp-exchange.ts'

export type SmtpOptions = SMTPConnection.Options & { auth?: SMTPConnection.AuthenticationType | undefined }

type ConnectionError = Error & { code?: string; response?: string | false }

interface OpenConnection {
  readonly dialogue: SmtpDialogue
  readonly socket: Socket
  readonly loggedIn: boolean
  readonly close: () => void
}

/**
 * One connection to a mail server, opened when it is first needed and kept for the next message. It offers one message at a time and
 * reports what was said; it decides nothing. nodemailer connects, encrypts and logs in; the messages are spoken over its socket.
 */
export class SmtpLane {
  readonly #options: SmtpOptions
  #connection: OpenConnection | undefined
  #abort: ((error: ConnectionError) => void) | undefined
  #closed = false

  constructor(options: SmtpOptions) {
    this.#options = options
  }

  /** Connected, greeted and logged in, as far as anybody knows. */
  get open(): boolean {
    return this.#connection !== undefined
  }

  /** What is said on the open connection cannot be read on the way. */
  get encrypted(): boolean {
    return this.#connection?.socket instanceof TLSSocket
  }

  /** The server knows who we are: not where it offers no login, or none is configured. */
  get loggedIn(): boolean {
    return this.#connection?.loggedIn ?? false
  }

  /** Connects and logs in, if that is not done yet. Answers what prevents it. */
  async connect(): Promise<{ stage: 'connect' | 'login'; fault: SmtpFault } | undefined> {
    if (this.#closed) return { stage: 'connect', fault: faultOf(stopped()) }
    if (this.#connection) return undefined
    const connection = new SMTPConnection(this.#options)
    const lost = this.#watch(connection)
    let stage: 'connect' | 'login' = 'connect'
    try {
      await Promise.race([lost, promised((done) => connection.connect(done))])
      const welcome = connection.lastServerResponse
      stage = 'login'
      const { auth } = this.#options
      if (auth && connection.allowsAuth) await Promise.race([lost, promised((done) => connection.login(auth, done))])
      if (this.#closed) throw stopped()
      this.#takeOver(connection, welcome)
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
  async exchange(envelope: SmtpEnvelope, message: Buffer, handOver: HandOver): Promise<SmtpExchange> {
    const reused = this.open
    const exchange = await this.#offer(envelope, message, handOver)
    if (!reused || this.#closed || !isStale(exchange)) return exchange
    this.#connection?.dialogue.break(connectionClosed)
    return this.#offer(envelope, message, handOver)
  }

  /** Ends what is under way as if the connection had been lost, and closes for good. */
  close(): void {
    this.#closed = true
    this.#abort?.(stopped())
    const connection = this.#connection
    if (connection?.dialogue.busy) {
      connection.dialogue.break(faultOf(stopped()))
    } else if (connection) {
      this.#connection = undefined
      connection.socket.write('QUIT\r\n')
      connection.close()
    }
  }

  async #offer(envelope: SmtpEnvelope, message: Buffer, handOver: HandOver): Promise<SmtpExchange> {
    const obstacle = await this.connect()
    const connection = this.#connection
    if (obstacle || !connection) return unsaid(envelope.to, obstacle?.stage ?? 'connect', obstacle?.fault)
    return connection.dialogue.offer({ envelope, message, handOver })
  }

  /**
   * From here on the server is listened to by the dialogue alone. Errors, timeouts and the end of the connection stay with nodemailer,
   * which tells of them.
   */
  #takeOver(connection: SMTPConnection, welcome: string | false): void {
    const socket = connection._socket
    if (!(socket instanceof Socket) || welcome === false || socket.listenerCount('data') !== 1) {
      throw new Error('nodemailer is not the one this was written for: it does not listen to its socket as it did')
    }
    socket.removeAllListeners('data')
    const close = () => connection.close()
    const dialogue = new SmtpDialogue(socket, readFeatures(welcome), () => {
      this.#connection = undefined
      connection.close()
      socket.destroy()
    })
    connection.on('error', (error: ConnectionError) => dialogue.break(faultOf(error)))
    connection.once('end', () => dialogue.break(connectionClosed))
    this.#connection = { dialogue, socket, loggedIn: connection.authenticated, close }
  }

  /** Rejects when a connection that is being opened breaks. */
  #watch(connection: SMTPConnection): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(ignore)
    this.#abort = reject
    connection.on('error', reject)
    connection.once('end', () => reject(Object.assign(new Error(connectionClosed.message), { code: 'ECONNECTION' })))
    return promise
  }
}

/** The server had given the idle connection up, or still had an earlier transaction open: nothing was said about this message. */
function isStale({ stage, mail }: SmtpExchange): boolean {
  return stage === 'mail' && (mail === undefined || mail.code === 421 || mail.code === 503)
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

import { Readable } from 'node:stream'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { parseReply, type SmtpExchange, type SmtpFault, type SmtpReply, type SmtpStage } from './smtp-exchange.ts'

export interface SmtpEnvelope {
  readonly from: string
  readonly to: readonly string[]
}

type ConnectionError = Error & { code?: string; command?: string; response?: string | false }

/** Bytes written at a time, so that "all of it is on its way" is not said of a message of which most still waits here. */
const sliceBytes = 64 * 1024

/**
 * One connection to a mail server, opened when it is first needed and kept for the next message. It offers one message at a time and
 * reports what was said; it decides nothing.
 */
export class SmtpLane {
  readonly #options: SMTPConnection.Options & { auth?: SMTPConnection.AuthenticationType | undefined }
  #connection: SMTPConnection | undefined
  #replies: string[] = []
  #abort: ((error: ConnectionError) => void) | undefined

  constructor(options: SMTPConnection.Options & { auth?: SMTPConnection.AuthenticationType | undefined }) {
    this.#options = options
  }

  /** Connected, greeted and logged in, as far as anybody knows. */
  get open(): boolean {
    return this.#connection !== undefined
  }

  /** Connects and logs in, if that is not done yet. Answers the fault that prevents it. */
  async connect(): Promise<{ stage: 'connect' | 'login'; fault: SmtpFault } | undefined> {
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
      this.#abort = undefined
      return undefined
    } catch (error) {
      connection.close()
      return { stage, fault: faultOf(error as ConnectionError) }
    }
  }

  /**
   * Offers a message. A connection that went stale while it was idle is replaced at once, before anything was said on it. Throws on
   * what only a bug can cause, such as an address with a line break.
   */
  async exchange(envelope: SmtpEnvelope, message: Buffer): Promise<SmtpExchange> {
    const reused = this.open
    const exchange = await this.#offer(envelope, message)
    const stale = reused && exchange.stage === 'mail' && saidNothing(exchange)
    return stale ? this.#offer(envelope, message) : exchange
  }

  /** Ends what is under way as if the connection had been lost, and closes. */
  close(): void {
    const connection = this.#connection
    this.#connection = undefined
    if (this.#abort) this.#abort(Object.assign(new Error('Stopped by the worker'), { code: 'ESTOPPED' }))
    else connection?.quit()
    connection?.close()
  }

  async #offer(envelope: SmtpEnvelope, message: Buffer): Promise<SmtpExchange> {
    const fault = await this.connect()
    const connection = this.#connection
    if (fault || !connection) return unsaid(envelope, fault?.stage ?? 'connect', fault?.fault)
    this.#replies = []
    const progress: Progress = { handedOver: 'nothing' }
    try {
      await this.#send(connection, envelope, sliced(message, progress))
      return readReplies(envelope, this.#replies, { progress, fault: undefined })
    } catch (error) {
      return this.#readFailure(envelope, progress, error as ConnectionError)
    }
  }

  #send(connection: SMTPConnection, envelope: SmtpEnvelope, message: Readable & { size: number }): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#abort = reject
    const offered = { from: envelope.from, to: [...envelope.to], size: message.size, use8BitMime: false }
    connection.send(offered, message, (error, info) => (error ? reject(error) : resolve(info)))
    return promise.finally(() => {
      this.#abort = undefined
    })
  }

  #readFailure(envelope: SmtpEnvelope, progress: Progress, error: ConnectionError): SmtpExchange {
    if (error.code === 'EMESSAGE' && error.command === 'MAIL FROM') {
      // nodemailer knows the server's SIZE limit and did not even ask.
      return { ...unsaid(envelope, 'mail', undefined), mail: { code: 552, enhanced: '5.3.4', text: error.message } }
    }
    if (error.command === 'API' && error.code !== 'ECONNECTION') throw error
    const answered = error.code === 'EENVELOPE' || error.code === 'EMESSAGE'
    const exchange = readReplies(envelope, this.#replies, { progress, fault: answered ? undefined : faultOf(error) })
    if (!answered || exchange.fault) this.#drop()
    return exchange
  }

  #drop(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  /** Rejects when the connection breaks; forgets it when it ends, whoever ended it. */
  #watch(connection: SMTPConnection): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => {})
    this.#abort = reject
    connection.on('error', (error: ConnectionError) => reject(error))
    connection.once('end', () => {
      if (this.#connection === connection) this.#connection = undefined
      reject(Object.assign(new Error('The server closed the connection'), { code: 'ECONNECTION' }))
    })
    return promise
  }

  /** nodemailer tells each answer to its log, in order: the one place where the answers to all recipients can be had. */
  #listener(): { debug(entry: { tnx?: string }, text: string): void } {
    const listener = {
      debug: (entry: { tnx?: string }, text: string) => {
        if (entry.tnx === 'server') this.#replies.push(text)
      },
    }
    return Object.assign(listener, { trace: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore })
  }
}

interface Progress {
  handedOver: 'nothing' | 'part' | 'all'
}

function sliced(message: Buffer, progress: Progress): Readable & { size: number } {
  let offset = 0
  const stream = new Readable({
    highWaterMark: sliceBytes,
    read() {
      const slice = message.subarray(offset, offset + sliceBytes)
      offset += slice.length
      progress.handedOver = offset >= message.length ? 'all' : 'part'
      this.push(slice)
      if (progress.handedOver === 'all') this.push(null)
    },
  })
  return Object.assign(stream, { size: message.length })
}

function readReplies(
  envelope: SmtpEnvelope,
  raw: readonly string[],
  { progress, fault }: { progress: Progress; fault: SmtpFault | undefined },
): SmtpExchange {
  const replies = raw.map(parseReply)
  const [mail] = replies
  const recipients = envelope.to.map((address, index) => ({ address, reply: replies[index + 1] }))
  const [data, final] = replies.slice(envelope.to.length + 1)
  const common = { mail, recipients, fault }
  if (mail === undefined || mail.code >= 300) return { ...common, stage: 'mail', message: undefined }
  const anyone = recipients.some(({ reply }) => reply !== undefined && reply.code < 300)
  if (!anyone || recipients.some(({ reply }) => reply === undefined))
    return { ...common, stage: 'recipients', message: undefined }
  if (data === undefined || data.code >= 400) return { ...common, stage: 'data', message: data }
  const stage = progress.handedOver === 'all' || final ? 'handed_over' : 'body'
  return { ...common, stage, message: final }
}

function unsaid(envelope: SmtpEnvelope, stage: SmtpStage, fault: SmtpFault | undefined): SmtpExchange {
  const recipients = envelope.to.map((address) => ({ address, reply: undefined }))
  return { stage, mail: undefined, recipients, message: undefined, fault }
}

/** Nothing but, at most, a 421: the server had given the idle connection up. */
function saidNothing({ mail }: SmtpExchange): boolean {
  return mail === undefined || mail.code === 421
}

function faultOf(error: ConnectionError): SmtpFault {
  const reply: SmtpReply | undefined = error.response ? parseReply(error.response) : undefined
  return { code: error.code ?? 'EUNKNOWN', message: error.message.replace(/\s+/g, ' ').slice(0, 300), reply }
}

function promised(run: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => (error ? reject(error) : resolve()))
  })
}

function ignore(): void {}

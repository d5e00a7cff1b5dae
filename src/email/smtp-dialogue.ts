import type { Socket } from 'node:net'
import { oneLine } from './one-line.ts'
import { ReplyReader } from './reply-reader.ts'
import { endOf, envelopeCommands, type ServerFeatures, type SmtpEnvelope, transparent } from './smtp-commands.ts'
import {
  connectionClosed,
  formatReply,
  parseReply,
  readExchange,
  type SmtpExchange,
  type SmtpFault,
  type SmtpReply,
  unsaid,
  withdrawn,
} from './smtp-exchange.ts'

/** Asked once the server says go on, before it gets a byte of the message; anything but true keeps the message from it. */
export type HandOver = () => Promise<boolean>

interface Offer {
  readonly envelope: SmtpEnvelope
  /** CRLF line ends, dots not doubled. */
  readonly message: Buffer
  readonly handOver: HandOver
}

interface Transaction extends Offer {
  readonly commands: readonly string[]
  /** The answers to the commands, so that the next one due has the index `replies.length`. */
  readonly replies: SmtpReply[]
  readonly resolve: (exchange: SmtpExchange) => void
  /** `resetting` until RSET is answered, `dot` once the end of the message has been given to the kernel. */
  step: 'resetting' | 'envelope' | 'asking' | 'body' | 'dot'
}

/** A longer message goes ahead of its final dot, so that "handed over" is not said of one of which most still waits here. */
const longestAtOnce = 64 * 1024

/**
 * Speaks SMTP over a socket on which the greeting, TLS and the login are done: one message after the other, with two writes and two
 * reads each where the server takes commands together (RFC 2920). A server that answers out of turn is not trusted any further, since
 * an answer that belongs to something else could pass for the one to the message.
 */
export class SmtpDialogue {
  readonly #socket: Socket
  readonly #features: ServerFeatures
  readonly #onBroken: () => void
  readonly #reader = new ReplyReader()
  #current: Transaction | undefined
  /** The server holds the envelope of a message that never came, and would refuse the next MAIL as nested (RFC 5321, 4.1.4). */
  #resetDue = false
  #broken = false

  /** `onBroken` is called once, when the connection is of no further use and to be closed. */
  constructor(socket: Socket, features: ServerFeatures, onBroken: () => void) {
    this.#socket = socket
    this.#features = features
    this.#onBroken = onBroken
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.once('end', () => this.break(connectionClosed))
  }

  get busy(): boolean {
    return this.#current !== undefined
  }

  /** Offers a message, the one before being through. Throws on what only a bug can cause, such as an address with a line break. */
  offer(offer: Offer): Promise<SmtpExchange> {
    const { envelope, message } = offer
    const commands = envelopeCommands(envelope, message, this.#features)
    const { maxMessageBytes, pipelining } = this.#features
    if (maxMessageBytes !== undefined && message.length > maxMessageBytes) {
      const text = `Message size larger than allowed ${maxMessageBytes}`
      const mail = { code: 552, enhanced: '5.3.4', text }
      return Promise.resolve({ ...unsaid(envelope.to, 'mail', undefined), mail })
    }
    const { promise, resolve } = Promise.withResolvers<SmtpExchange>()
    const step = this.#resetDue ? 'resetting' : 'envelope'
    this.#current = { ...offer, commands, replies: [], resolve, step }
    const due = this.#resetDue ? ['RSET\r\n', ...commands] : commands
    if (this.#enter(this.#current, step)) this.#socket.write(pipelining ? due.join('') : (due[0] ?? ''))
    return promise
  }

  /** Ends what is under way with this fault, and the connection with it. */
  break(fault: SmtpFault): void {
    this.#abandon(undefined, fault)
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk)
    while (!this.#broken) {
      const raw = this.#reader.next()
      if (raw === undefined) break
      const reply = parseReply(raw)
      if (reply && reply.code >= 200 && reply.code < 600) this.#onReply(reply)
      else this.break({ code: 'EPROTOCOL', message: `Not an SMTP reply: ${oneLine(raw.slice(0, 100))}`, reply })
    }
    if (this.#reader.overflowing) this.break({ code: 'EPROTOCOL', message: 'A reply without end', reply: undefined })
  }

  #onReply(reply: SmtpReply): void {
    const current = this.#current
    if (current === undefined) this.break(outOfTurn(reply))
    else if (current.step === 'resetting') this.#onReset(current, reply)
    else if (current.step === 'envelope') this.#onEnvelopeReply(current, reply)
    else this.#onAnswer(current, reply)
  }

  #onReset(current: Transaction, reply: SmtpReply): void {
    if (reply.code >= 300) {
      this.break(outOfTurn(reply))
    } else {
      current.step = 'envelope'
      this.#continue(current)
    }
  }

  #onEnvelopeReply(current: Transaction, reply: SmtpReply): void {
    const { replies, commands } = current
    const isData = replies.length === commands.length - 1
    if (reply.code < 400 && (isData ? reply.code !== 354 : reply.code >= 300)) {
      this.break(outOfTurn(reply))
      return
    }
    replies.push(reply)
    if (reply.code === 421) this.#abandon(undefined, undefined)
    else if (!isData) this.#continue(current)
    else if (reply.code >= 400) this.#finish(current, undefined, undefined)
    else if (isWanted(replies)) this.#ask(current)
    // It refused everybody and says go on: even an empty message might go somewhere.
    else this.#abandon(undefined, undefined)
  }

  /** Without pipelining: says the next command, or none where the answers so far leave nobody to send the message to. */
  #continue(current: Transaction): void {
    if (this.#features.pipelining) return
    const { replies, commands } = current
    const refused = (replies[0]?.code ?? 0) >= 300 || (replies.length === commands.length - 1 && !isWanted(replies))
    if (refused) this.#finish(current, undefined, undefined)
    else if (this.#enter(current, 'envelope')) this.#socket.write(commands[replies.length] ?? '')
  }

  #ask(current: Transaction): void {
    current.step = 'asking'
    const settle = (granted: boolean): void => {
      if (this.#current !== current) return
      if (granted) this.#send(current)
      else this.break(withdrawn)
    }
    const ask = async () => current.handOver()
    ask().then(settle, () => settle(false))
  }

  #send(current: Transaction): void {
    const message = transparent(current.message)
    const end = endOf(message)
    if (message.length <= longestAtOnce) {
      this.#giveEnd(current, message.toString('latin1') + end)
      return
    }
    if (!this.#enter(current, 'body')) return
    this.#socket.write(message, (error) => {
      if (!error && this.#current === current) this.#giveEnd(current, end)
    })
  }

  #giveEnd(current: Transaction, text: string): void {
    if (!this.#enter(current, 'dot')) return
    this.#socket.write(text, 'latin1', (error?: NodeJS.ErrnoException | null) => {
      // The kernel refused the last byte, so nobody can have got it. Other errors say nothing about that.
      if (error?.syscall === 'write') current.step = 'body'
    })
  }

  /** False, and the end of it, where nothing can be written any more, or the server has begun to speak although it is our turn. */
  #enter(current: Transaction, step: Transaction['step']): boolean {
    if (!this.#socket.writable) this.break(connectionClosed)
    else if (!this.#reader.empty)
      this.break({ code: 'EPROTOCOL', message: 'The server spoke out of turn', reply: undefined })
    else current.step = step
    return !this.#broken
  }

  /** What is said after the server said go on. */
  #onAnswer(current: Transaction, reply: SmtpReply): void {
    const { step } = current
    const accepted = reply.code < 300 && step === 'dot'
    if (reply.code < 400 && !accepted) this.break(outOfTurn(reply))
    else if (step === 'dot' && reply.code !== 421) this.#finish(current, reply, undefined)
    // Refused before all of it was there: what is left of the message must not be taken for commands.
    else this.#abandon(reply, undefined)
  }

  #abandon(answer: SmtpReply | undefined, fault: SmtpFault | undefined): void {
    if (this.#broken) return
    this.#broken = true
    this.#onBroken()
    if (this.#current) this.#finish(this.#current, answer, fault)
  }

  #finish(current: Transaction, answer: SmtpReply | undefined, fault: SmtpFault | undefined): void {
    const { envelope, replies, step, resolve } = current
    this.#current = undefined
    this.#resetDue = step === 'envelope' && replies[0] !== undefined && replies[0].code < 300
    resolve(readExchange(envelope.to, replies, { handedOver: step === 'dot', answer, fault }))
  }
}

/** Somebody is to get the message. */
function isWanted([mail, ...rest]: readonly SmtpReply[]): boolean {
  return mail !== undefined && mail.code < 300 && rest.some(({ code }) => code < 300)
}

function outOfTurn(reply: SmtpReply): SmtpFault {
  return { code: 'EPROTOCOL', message: `The server spoke out of turn: ${formatReply(reply)}`, reply }
}

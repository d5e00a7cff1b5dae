import type { Socket } from 'node:net'
import type { MailSink } from './sink.ts'

/** Where the server can misbehave: `body` is when the first bytes of a message come in, `message` when all of it has. */
export type SinkStep = 'greeting' | 'mail' | 'rcpt' | 'data' | 'body' | 'message'

const endOfMessage = '\r\n.\r\n'

/** One connection to the sink. */
export class SinkSession {
  readonly #sink: MailSink
  readonly #socket: Socket
  #buffered = ''
  /** Waits before it reads on. */
  #paused = false
  #phase: 'commands' | 'before message' | 'message' = 'commands'
  #sender: 'accepted' | 'refused' | 'refused for good' = 'refused'
  #recipients: string[] = []
  /** The recipient that is being answered. */
  #candidate: string | undefined
  #usual = (): void => {}

  constructor(sink: MailSink, socket: Socket) {
    this.#sink = sink
    this.#socket = socket
  }

  begin(): void {
    this.#socket.on('data', (chunk) => {
      this.#buffered += chunk.toString('latin1')
      this.#read()
    })
    this.#socket.on('end', () => this.#socket.end())
    this.#step('greeting', () => this.say('220 sink ESMTP'))
  }

  say(line: string): void {
    if (this.#socket.writable) this.#socket.write(`${line}\r\n`)
  }

  /** Answers the command with a refusal; one for good is remembered with the recipients that it concerns. */
  refuse(line: string): void {
    if (line.startsWith('5')) {
      this.#sender = this.#sender === 'accepted' ? 'accepted' : 'refused for good'
      this.#sink.refuse(this.#candidate === undefined ? this.#recipients : [this.#candidate])
    }
    this.say(line)
  }

  /** Says it and closes, as servers do that turn a client away. */
  dismiss(line: string): void {
    this.say(line)
    this.#socket.end()
  }

  /** Breaks the connection off with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Is gone, as a process that ended. */
  die(): void {
    this.#socket.destroy()
  }

  /** Says nothing more and reads nothing more, unless it is woken. */
  stall(): void {
    this.#paused = true
    this.#socket.pause()
    this.#sink.keepStalled(this)
  }

  /** Closes its own direction, and goes on reading. */
  halfClose(): void {
    this.#socket.end()
    this.#usual()
  }

  /** Goes on after a stall as if nothing had been. */
  wake(): void {
    this.#paused = false
    this.#socket.resume()
    this.#usual()
    this.#read()
  }

  #step(step: SinkStep, usual: () => void, accept?: () => void): void {
    const trouble = this.#sink.troubleAt(step)
    if (!trouble) {
      usual()
      return
    }
    this.#usual = usual
    if (trouble.accepts) accept?.()
    trouble.act(this)
  }

  #read(): void {
    while (!this.#paused && !this.#socket.destroyed && this.#buffered !== '') {
      if (this.#phase === 'before message') this.#beginMessage()
      else if (!this.#take()) return
    }
  }

  #beginMessage(): void {
    this.#phase = 'message'
    this.#step('body', () => {})
  }

  /** Takes a line, or a message, from what has come in; false when it is not all there yet. */
  #take(): boolean {
    const terminator = this.#phase === 'message' ? endOfMessage : '\r\n'
    const end = this.#buffered.indexOf(terminator)
    if (end < 0) return false
    const part = this.#buffered.slice(0, end)
    this.#buffered = this.#buffered.slice(end + terminator.length)
    if (this.#phase === 'message') this.#endMessage(part)
    else this.#obey(part)
    return true
  }

  #obey(line: string): void {
    const verb = /^(MAIL FROM|RCPT TO|[A-Z]+)/i.exec(line)?.[1]?.toUpperCase()
    if (verb === 'EHLO')
      this.say('250-sink\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8')
    else if (verb === 'MAIL FROM') this.#beginTransaction()
    else if (verb === 'RCPT TO') this.#answerRecipient(/<([^>]*)>/.exec(line)?.[1] ?? '')
    else if (verb === 'DATA') this.#askForMessage()
    else if (verb === 'QUIT') this.dismiss('221 2.0.0 bye')
    else if (verb === 'RSET') this.#endTransaction('250 2.0.0 ok')
    else this.say('502 5.5.1 what?')
  }

  #beginTransaction(): void {
    this.#recipients = []
    this.#sender = 'refused'
    this.#step('mail', () => {
      this.#sender = 'accepted'
      this.say('250 2.1.0 ok')
    })
  }

  #answerRecipient(address: string): void {
    if (this.#sender !== 'accepted') {
      if (this.#sender === 'refused for good') this.#sink.refuse([address])
      this.say('503 5.5.1 MAIL first')
    } else if (this.#sink.defers(address)) {
      this.say('451 4.2.1 mailbox busy')
    } else {
      this.#candidate = address
      this.#step('rcpt', () => {
        this.#recipients.push(address)
        this.say('250 2.1.5 ok')
      })
      this.#candidate = undefined
    }
  }

  #askForMessage(): void {
    if (this.#recipients.length === 0) {
      this.say('554 5.5.1 no valid recipients')
      return
    }
    this.#step('data', () => {
      this.#phase = 'before message'
      this.say('354 go on')
    })
  }

  #endMessage(source: string): void {
    this.#phase = 'commands'
    const messageId = /^Message-ID: (.*?)\r?$/im.exec(source)?.[1] ?? ''
    const recipients = this.#recipients
    let taken = false
    const accept = (): void => {
      if (!taken) this.#sink.accept(messageId, recipients)
      taken = true
    }
    this.#step('message', () => this.#think(accept), accept)
  }

  #think(accept: () => void): void {
    accept()
    this.#paused = true
    setTimeout(() => {
      this.#paused = false
      this.#endTransaction('250 2.0.0 taken')
      this.#read()
    }, this.#sink.thinkMs)
  }

  #endTransaction(line: string): void {
    this.#recipients = []
    this.#sender = 'refused'
    this.say(line)
  }
}

/** What the sink has taken in since it was last reset. Times are milliseconds of the clock that processes share. */
export interface Tally {
  accepted: number
  /** Different Message-IDs among them. */
  distinct: number
  /** The first MAIL command. */
  firstCommandAt: number
  firstAcceptedAt: number
  lastAcceptedAt: number
  /** For how long connections waited for an answer of the server that has to do with a mail, added up over all. */
  heldMs: number
  /** The most connections open at once. */
  connections: number
}

const messageEnd = Buffer.from('\r\n.\r\n')
const lineEnd = Buffer.from('\r\n')
const nothing = Buffer.alloc(0)

const answers = {
  EHLO: Buffer.from('250-sink\r\n250 PIPELINING\r\n'),
  DATA: Buffer.from('354 go on\r\n'),
  QUIT: Buffer.from('221 bye\r\n'),
  other: Buffer.from('250 2.0.0 ok\r\n'),
}

export interface Reaction {
  readonly answer: Buffer
  /** Something in it belongs to a mail, not to the connection. */
  readonly aboutMail: boolean
  readonly ends: boolean
}

/** One connection's side of SMTP, without the socket: bytes in, answers out. It takes everything. */
export class Conversation {
  readonly #onMessage: (message: Buffer) => void
  #rest: Buffer = nothing
  #inMessage = false

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage
  }

  receive(chunk: Buffer): Reaction {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const replies: Buffer[] = []
    let aboutMail = false
    let ends = false
    let from = 0
    for (;;) {
      const terminator = this.#inMessage ? messageEnd : lineEnd
      const end = bytes.indexOf(terminator, from)
      if (end < 0) break
      const part = bytes.subarray(from, end)
      from = end + terminator.length
      const reply = this.#inMessage ? this.#take(part) : this.#react(part)
      aboutMail ||= reply !== answers.EHLO && reply !== answers.QUIT
      ends ||= reply === answers.QUIT
      replies.push(reply)
    }
    this.#rest = from === bytes.length ? nothing : bytes.subarray(from)
    const [only = nothing] = replies
    return { answer: replies.length > 1 ? Buffer.concat(replies) : only, aboutMail, ends }
  }

  #take(message: Buffer): Buffer {
    this.#inMessage = false
    this.#onMessage(message)
    return answers.other
  }

  #react(command: Buffer): Buffer {
    const verb = command.toString('latin1', 0, 4).toUpperCase()
    if (verb === 'DATA') {
      this.#inMessage = true
      return answers.DATA
    }
    return verb === 'EHLO' || verb === 'QUIT' ? answers[verb] : answers.other
  }
}

/** A header's value as it stands, up to the end of its line; for one that is folded right after the colon, of the next. */
export function headerOf(message: Buffer, name: string): string {
  const at = message.indexOf(`${name}: `)
  const from = at < 0 ? message.indexOf(`${name}:\r\n`) : at
  if (from < 0) return ''
  const start = from + name.length + (at < 0 ? 3 : 2)
  return message.toString('latin1', start, message.indexOf(lineEnd, start)).trim()
}

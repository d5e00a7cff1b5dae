import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/**
 * What the server does when a line (or `.` for the end of a message, or `greeting`) has come: answer, or act on the socket. It
 * looks at the next line when that is done.
 */
export type RawStep = string | ((socket: Socket) => unknown)

export interface RawSmtpServer {
  readonly port: number
  /** Connections so far. */
  readonly connections: number
  /** Connections that neither side has ended. */
  readonly open: number
  /** Messages as they came over the wire, dots still doubled. */
  readonly messages: readonly string[]
  stop(): Promise<void>
}

const usual: Readonly<Record<string, string>> = {
  greeting: '220 test',
  EHLO: '250 test',
  'MAIL FROM': '250 2.1.0 ok',
  'RCPT TO': '250 2.1.5 ok',
  DATA: '354 go on',
  '.': '250 2.0.0 taken',
  RSET: '250 ok',
  QUIT: '221 bye',
}

/**
 * An SMTP server that misbehaves to order, line by line: `steps` gives for each command what happens instead of the usual answer; a
 * list is used up one by one, over all connections, and then the usual answers come again. It is usual to refuse DATA without an
 * accepted recipient.
 */
export async function startRawSmtpServer(
  steps: Readonly<Record<string, RawStep | RawStep[]>> = {},
  port = 0,
): Promise<RawSmtpServer> {
  const queues = new Map(Object.entries(steps).map(([verb, step]) => [verb, Array.isArray(step) ? [...step] : step]))
  const sockets = new Set<Socket>()
  const messages: string[] = []
  let connections = 0

  const plannedFor = (verb: string): RawStep | undefined => {
    const planned = queues.get(verb)
    return Array.isArray(planned) ? planned.shift() : planned
  }

  const server = createServer(async (socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    const session = new Session(socket, plannedFor)
    await session.react('greeting')
    let buffered = ''
    socket.on('data', async (chunk) => {
      buffered += chunk.toString('latin1')
      if (session.reacting) return
      for (;;) {
        const end = buffered.indexOf(session.inMessage ? '\r\n.\r\n' : '\r\n')
        if (end < 0) return
        const part = buffered.slice(0, end)
        buffered = buffered.slice(end + (session.inMessage ? 5 : 2))
        if (session.inMessage) messages.push(part)
        await session.react(session.inMessage ? '.' : verbOf(part))
      }
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    get open() {
      return sockets.size
    },
    get connections() {
      return connections
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

class Session {
  readonly #socket: Socket
  readonly #plannedFor: (verb: string) => RawStep | undefined
  #sender = false
  #recipient = false
  inMessage = false
  reacting = false

  constructor(socket: Socket, plannedFor: (verb: string) => RawStep | undefined) {
    this.#socket = socket
    this.#plannedFor = plannedFor
  }

  async react(verb: string): Promise<void> {
    this.reacting = true
    const step = this.#plannedFor(verb) ?? (verb === 'DATA' && !this.#recipient ? '503 5.5.1 nobody' : usual[verb])
    if (typeof step === 'function') await step(this.#socket)
    else this.#socket.write(`${step ?? '502 what?'}\r\n`)
    // What acts on the socket is taken to have said yes.
    const accepted = typeof step === 'function' || /^[23]/.test(step ?? '')
    if (verb === 'MAIL FROM') this.#sender = accepted
    this.#recipient = verb === 'RCPT TO' && (this.#recipient || (this.#sender && accepted))
    this.inMessage = verb === 'DATA' && accepted
    if (verb === 'QUIT') this.#socket.end()
    this.reacting = false
  }
}

function verbOf(line: string): string {
  return /^(MAIL FROM|RCPT TO|[A-Z]+)/i.exec(line)?.[1]?.toUpperCase() ?? line
}

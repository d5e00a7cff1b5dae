import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** What the server does when a line (or `.` for the end of a message, or `greeting`) has come: answer, or act on the socket. */
export type RawStep = string | ((socket: Socket) => void)

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
 * list is used up one by one, over all connections, and then the usual answers come again.
 */
export async function startRawSmtpServer(
  steps: Readonly<Record<string, RawStep | RawStep[]>> = {},
  port = 0,
): Promise<RawSmtpServer> {
  const queues = new Map(Object.entries(steps).map(([verb, step]) => [verb, Array.isArray(step) ? [...step] : step]))
  const sockets = new Set<Socket>()
  const messages: string[] = []
  let connections = 0

  const react = (verb: string, socket: Socket): string => {
    const planned = queues.get(verb)
    const step = (Array.isArray(planned) ? planned.shift() : planned) ?? usual[verb] ?? '502 what?'
    if (typeof step !== 'string') {
      step(socket)
      return ''
    }
    socket.write(`${step}\r\n`)
    return step
  }

  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let buffered = ''
    let inMessage = false
    react('greeting', socket)
    socket.on('data', (chunk) => {
      buffered += chunk.toString('latin1')
      for (;;) {
        const end = buffered.indexOf(inMessage ? '\r\n.\r\n' : '\r\n')
        if (end < 0) return
        const part = buffered.slice(0, end)
        buffered = buffered.slice(end + (inMessage ? 5 : 2))
        if (inMessage) {
          messages.push(part)
          inMessage = false
          react('.', socket)
          continue
        }
        const verb = /^(MAIL FROM|RCPT TO|[A-Z]+)/i.exec(part)?.[1]?.toUpperCase() ?? part
        inMessage = react(verb, socket).startsWith('354')
        if (verb === 'QUIT') socket.end()
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

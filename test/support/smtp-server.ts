import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly source: string
  /** A header's value, unfolded; undefined where the message has none. */
  header(name: string): string | undefined
}

/** What a test wants a server to answer in place of 250; undefined takes it. */
export type Answer = string | undefined | Promise<string | undefined>

export interface SmtpScript {
  readonly mail?: (from: string) => Answer
  readonly recipient?: (address: string) => Answer
  readonly message?: (mail: ReceivedMail) => Answer
  readonly options?: SMTPServerOptions
  /** Listens there instead of on a free port. */
  readonly port?: number
}

export interface TestSmtpServer {
  readonly url: string
  readonly port: number
  /** In the order they were accepted. */
  readonly mails: readonly ReceivedMail[]
  readonly connections: number
  /** Stops listening and cuts every connection. */
  stop(): Promise<void>
}

/** A real SMTP server on loopback that keeps what it takes and answers as scripted, with replies such as `450 4.2.1 busy`. */
export async function startSmtpServer(script: SmtpScript = {}): Promise<TestSmtpServer> {
  const mails: ReceivedMail[] = []
  let connections = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 0,
    onConnect(_session, done) {
      connections += 1
      done()
    },
    onMailFrom: ({ address }, _session, done) => void answer(script.mail?.(address), done),
    onRcptTo: ({ address }, _session, done) => void answer(script.recipient?.(address), done),
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const { mailFrom, rcptTo } = session.envelope
        const mail = received(
          mailFrom ? mailFrom.address : '',
          rcptTo.map(({ address }) => address),
          Buffer.concat(chunks).toString('utf8'),
        )
        const refusal = stream.sizeExceeded ? '552 5.3.4 message too large' : await script.message?.(mail)
        if (refusal === undefined) mails.push(mail)
        await answer(refusal, done)
      })
    },
    ...script.options,
  })
  server.on('error', () => {})
  server.listen(script.port ?? 0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    mails,
    get connections() {
      return connections
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(resolve))
      for (const connection of server.connections) connection._socket?.destroy()
      await closed
    },
  }
}

async function answer(refusal: Answer, done: (error?: Error | null) => void): Promise<void> {
  const reply = await refusal
  if (reply === undefined) return done()
  const [code, ...text] = reply.split(' ')
  done(Object.assign(new Error(text.join(' ')), { responseCode: Number(code) }))
}

function received(from: string, to: readonly string[], source: string): ReceivedMail {
  const head = source.slice(0, source.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
  return {
    from,
    to,
    source,
    header(name) {
      const prefix = `${name.toLowerCase()}: `
      const line = head.split('\r\n').find((candidate) => candidate.toLowerCase().startsWith(prefix))
      return line?.slice(prefix.length)
    },
  }
}

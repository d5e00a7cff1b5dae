import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Vitals } from '../runtime/vitals.ts'

export interface WakeUpOptions {
  /** A direct connection: LISTEN does not pass a pooler in transaction mode. */
  readonly url: string
  readonly applicationName: string
  readonly channel: string
  /** Told the payload, and nothing where it may have missed some. */
  readonly onWake: (payload?: string) => void
  readonly log: Logger
  /** Told that it is to listen, and while it does. */
  readonly vitals: Vitals
}

const connectTimeoutMs = 5_000
const firstRetryMs = 500
const lastRetryMs = 15_000
/** A connection that went half-open looks idle; a query finds out. */
const heartbeatMs = 15_000
/** How long the server is given to close the connection that we end. */
const goodbyeMs = 1_000

/**
 * Listens for NOTIFY on a connection of its own and connects again when that is lost. A hint only: what is missed meanwhile the poll
 * finds, and after each new connection one wake-up is given in case.
 */
export class WakeUps {
  readonly #options: WakeUpOptions
  readonly #stopping = new AbortController()
  readonly #listens: () => void
  #ended: Promise<void> = Promise.resolve()

  constructor(options: WakeUpOptions) {
    this.#options = options
    this.#listens = options.vitals.expect('wake-ups', heartbeatMs, { isSpare: true })
  }

  /** Resolves when it listens, or when the first try has failed. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>()
    this.#ended = this.#keepListening(first.resolve)
    await first.promise
  }

  /** Resolves when the connection is closed, in about a second at most, also where the server has gone silent. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#ended
  }

  async #keepListening(tried: () => void): Promise<void> {
    const { signal } = this.#stopping
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(lastRetryMs, retryMs * 2)) {
      try {
        await this.#listen(() => {
          retryMs = firstRetryMs
          this.#listens()
          tried()
          this.#options.onWake()
        })
      } catch (err) {
        if (!signal.aborted) this.#options.log.warn({ err, retryMs }, 'not listening for wake-ups; polling goes on')
      }
      tried()
      await delay(retryMs, undefined, { signal }).catch(() => {})
    }
  }

  /** Listens until it is stopped; throws when the connection is lost or cannot be had. */
  async #listen(onListening: () => void): Promise<void> {
    const { channel, onWake } = this.#options
    const { signal } = this.#stopping
    const socket = new Socket()
    const client = this.#createClient(socket)
    const { promise: over, resolve: stop, reject: lose } = Promise.withResolvers<void>()
    client.on('error', lose)
    client.on('end', () => lose(new Error('The connection ended')))
    client.on('notification', ({ payload }) => onWake(payload))
    const onStop = () => stop()
    signal.addEventListener('abort', onStop)
    const listen = async () => {
      await client.connect()
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`)
      onListening()
    }
    const heartbeat = setInterval(() => void beat(client).then(this.#listens, lose), heartbeatMs)
    try {
      listen().catch(lose)
      await over
    } finally {
      signal.removeEventListener('abort', onStop)
      clearInterval(heartbeat)
      await close(client, socket)
    }
  }

  #createClient(socket: Socket): pg.Client {
    const { url, applicationName } = this.#options
    return new pg.Client({
      connectionString: url,
      application_name: applicationName,
      keepAlive: true,
      connectionTimeoutMillis: connectTimeoutMs,
      stream: () => socket,
    })
  }
}

async function beat(client: pg.Client): Promise<void> {
  // node-postgres knows `query_timeout` for one query; its types do not.
  const query: pg.QueryConfig & { query_timeout: number } = { text: 'SELECT 1', query_timeout: heartbeatMs / 3 }
  await client.query(query)
}

/** `end` alone would wait for an answer to its goodbye for as long as TCP does. */
async function close(client: pg.Client, socket: Socket): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, goodbyeMs)
  await Promise.race([client.end().catch(() => {}), enough])
  clearTimeout(timer)
  socket.destroy()
}

import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'

export interface WakeUpOptions {
  /** A direct connection: LISTEN does not pass a pooler in transaction mode. */
  readonly url: string
  readonly applicationName: string
  readonly channel: string
  readonly onWake: () => void
  readonly log: Logger
}

const firstRetryMs = 500
const lastRetryMs = 15_000
/** A connection that went half-open looks idle; a query finds out. */
const heartbeatMs = 15_000

/**
 * Listens for NOTIFY on a connection of its own and connects again when that is lost. A hint only: what is missed meanwhile the poll
 * finds, and after each new connection one wake-up is given in case.
 */
export class WakeUps {
  readonly #options: WakeUpOptions
  readonly #stopping = new AbortController()
  #client: pg.Client | undefined
  #ended: Promise<void> = Promise.resolve()

  constructor(options: WakeUpOptions) {
    this.#options = options
  }

  /** Resolves when it listens, or when the first try has failed. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>()
    this.#ended = this.#keepListening(first.resolve)
    await first.promise
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#client?.end().catch(() => {})
    await this.#ended
  }

  async #keepListening(tried: () => void): Promise<void> {
    const { signal } = this.#stopping
    for (let retryMs = firstRetryMs; !signal.aborted; ) {
      try {
        const { lost } = await this.#listen()
        tried()
        retryMs = firstRetryMs
        this.#options.onWake()
        await lost
      } catch (err) {
        tried()
        if (!signal.aborted) this.#options.log.warn({ err, retryMs }, 'not listening for wake-ups; polling goes on')
      }
      await delay(retryMs, undefined, { signal }).catch(() => {})
      retryMs = Math.min(lastRetryMs, retryMs * 2)
    }
  }

  /** Resolves when listening, with a promise that rejects when the connection is lost. */
  async #listen(): Promise<{ lost: Promise<never> }> {
    const { url, applicationName, channel, onWake } = this.#options
    const client = new pg.Client({
      connectionString: url,
      application_name: applicationName,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    })
    const lost = Promise.withResolvers<never>()
    lost.promise.catch(() => {})
    client.on('error', lost.reject)
    client.on('end', () => lost.reject(new Error('The connection ended')))
    client.on('notification', onWake)
    await client.connect()
    this.#client = client
    await client.query(`LISTEN ${client.escapeIdentifier(channel)}`)
    const heartbeat = setInterval(() => {
      client.query({ text: 'SELECT 1', query_timeout: heartbeatMs / 3 } as pg.QueryConfig).catch((err) => {
        lost.reject(err)
        client.end().catch(() => {})
      })
    }, heartbeatMs)
    lost.promise.catch(() => clearInterval(heartbeat))
    return { lost: lost.promise }
  }
}

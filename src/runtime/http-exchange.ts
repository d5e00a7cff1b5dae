import { once } from 'node:events'
import { type Agent, type ClientRequest, type IncomingMessage, request as openHttp } from 'node:http'
import { request as openHttps } from 'node:https'

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  /** With user and password where the server wants a login. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** Keeps connections for later requests. Without one, each request has a connection of its own. */
  readonly agent?: Agent
}

export interface HttpTerms {
  /**
   * Asked once the connection stands, before a byte of the request is written; without a yes nothing is. Asked again where a kept
   * connection proves to be closed.
   */
  readonly handOver: () => Promise<boolean>
  /** Ends the exchange promptly. */
  readonly signal: AbortSignal
  readonly limits?: HttpLimits | undefined
}

export interface HttpLimits {
  readonly connectMs: number
  /** For the whole answer, from the first byte of the request. */
  readonly answerMs: number
  /** What is kept of the body, or a little more; 64 KiB where nothing is said. */
  readonly bodyBytes?: number
}

/** Why there is no answer, or no whole one. `ESTOPPED`: the signal ended it. */
export interface HttpFault {
  readonly code: string
  readonly message: string
}

export interface HttpAnswer {
  readonly kind: 'answered'
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** As much of it as the limits say. */
  readonly body: string
  /** Why its end never came. */
  readonly fault?: HttpFault
}

export type HttpExchange =
  | HttpAnswer
  /** By our own will nothing was written. */
  | { readonly kind: 'untouched' }
  /** Nothing was written, or `lost`: something was, and no answer came. */
  | { readonly kind: 'unreachable' | 'lost'; readonly fault: HttpFault }

const usualBodyBytes = 64 * 1024
const defaultLimits: HttpLimits = { connectMs: 10_000, answerMs: 30_000 }

/**
 * One request. It is held back until the connection stands and the hand-over is allowed, so that a server out of reach leaves no doubt
 * behind. A kept connection that proves to be closed before anything was written is replaced by another one; where it is cut at the
 * very moment of writing nobody can know whether the server has read it (RFC 9112, 9.3.1): that is `lost`. Follows no redirects and
 * repeats nothing that was written. Never rejects for what a server or a network can do.
 */
export async function exchangeHttp(request: HttpRequest, terms: HttpTerms): Promise<HttpExchange> {
  while (!terms.signal.aborted) {
    const exchange = new Exchange(request, terms)
    const result = await exchange.run()
    if (result.kind !== 'unreachable' || !exchange.isOverKeptConnection) return result
  }
  return { kind: 'untouched' }
}

class Exchange {
  readonly #request: HttpRequest
  readonly #terms: HttpTerms
  readonly #outgoing: ClientRequest
  readonly #broken = Promise.withResolvers<never>()
  readonly #response = Promise.withResolvers<IncomingMessage>()
  #fault: HttpFault | undefined
  #isWritten = false
  #timer: NodeJS.Timeout | undefined

  constructor(request: HttpRequest, terms: HttpTerms) {
    const { method, url, headers, agent = false } = request
    const open = url.protocol === 'https:' ? openHttps : openHttp
    this.#request = request
    this.#terms = terms
    // Nothing is written before `end`.
    this.#outgoing = open(url, { method, headers, agent })
    this.#broken.promise.catch(ignore)
    this.#outgoing.on('response', (response) => this.#answered(response))
    this.#outgoing.on('error', (error) => this.#break(faultOf(error)))
  }

  get isOverKeptConnection(): boolean {
    return this.#outgoing.reusedSocket
  }

  async run(): Promise<HttpExchange> {
    const { signal, limits = defaultLimits } = this.#terms
    const stop = () => this.#break({ code: 'ESTOPPED', message: 'Stopped by the worker' })
    signal.addEventListener('abort', stop)
    try {
      this.#allow(limits.connectMs, 'It took too long to connect')
      await this.#connected()
      clearTimeout(this.#timer)
      if (!(await this.#handOver())) return { kind: 'untouched' }
      this.#allow(limits.answerMs, 'It took too long to answer')
      return await this.#answer()
    } catch (error) {
      return this.#unanswered(this.#fault ?? faultOf(error))
    } finally {
      clearTimeout(this.#timer)
      signal.removeEventListener('abort', stop)
      this.#outgoing.destroy()
    }
  }

  async #connected(): Promise<void> {
    const [socket] = await Promise.race([once(this.#outgoing, 'socket'), this.#broken.promise])
    if (!socket.connecting) return
    const event = this.#request.url.protocol === 'https:' ? 'secureConnect' : 'connect'
    await Promise.race([once(socket, event), this.#broken.promise])
  }

  /** What cannot be had is no yes. The connection may break while the hand-over is made durable. */
  async #handOver(): Promise<boolean> {
    const isAllowed = await Promise.race([this.#terms.handOver().catch(() => false), this.#broken.promise])
    if (this.#fault) throw new Error(this.#fault.message)
    return isAllowed
  }

  /**
   * Some servers answer before they are asked, to say that they will not listen. On a kept connection that is about its having been
   * idle, and not about this request.
   */
  #answered(response: IncomingMessage): void {
    if (!this.#isWritten && this.isOverKeptConnection) this.#break({ code: 'ECLOSED', message: 'Closed by the server' })
    else this.#response.resolve(response)
  }

  async #answer(): Promise<HttpAnswer> {
    this.#isWritten = true
    this.#outgoing.end(this.#request.body)
    return this.#read(await Promise.race([this.#response.promise, this.#broken.promise]))
  }

  async #read(response: IncomingMessage): Promise<HttpAnswer> {
    const chunks: Buffer[] = []
    const { bodyBytes = usualBodyBytes } = this.#terms.limits ?? defaultLimits
    let size = 0
    let fault: HttpFault | undefined
    try {
      for await (const chunk of response) {
        if (size < bodyBytes) chunks.push(chunk)
        size += chunk.length
      }
    } catch (error) {
      fault = this.#fault ?? faultOf(error)
    }
    const body = Buffer.concat(chunks).toString('utf8')
    const { statusCode: status = 0, headers } = response
    return { kind: 'answered', status, headers, body, ...(fault && { fault }) }
  }

  #unanswered(fault: HttpFault): HttpExchange {
    if (this.#isWritten) return { kind: 'lost', fault }
    return fault.code === 'ESTOPPED' ? { kind: 'untouched' } : { kind: 'unreachable', fault }
  }

  #allow(ms: number, message: string): void {
    this.#timer = setTimeout(() => this.#break({ code: 'ETIMEDOUT', message }), ms)
  }

  /** The first fault is the cause of all others. */
  #break(fault: HttpFault): void {
    if (this.#fault) return
    this.#fault = fault
    this.#broken.reject(new Error(fault.message))
    this.#outgoing.destroy()
  }
}

/** OpenSSL's messages name its source files. */
function faultOf(error: unknown): HttpFault {
  if (!(error instanceof Error)) return { code: 'EUNKNOWN', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  return { code, message: code.startsWith('ERR_SSL') ? code : messageOf(error) || code }
}

/** Several addresses that all refuse are one error without a message. */
function messageOf(error: Error): string {
  return error instanceof AggregateError ? error.errors.map(({ message }) => message).join('; ') : error.message
}

function ignore(): void {}

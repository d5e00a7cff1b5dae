import { once } from 'node:events'
import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { TLSSocket } from 'node:tls'

export interface HttpRequest {
  readonly url: string
  /** JSON. */
  readonly body: string
  readonly agent: Agent
  readonly signal: AbortSignal
  /** Asked once the connection stands and nothing is written. */
  readonly mayWrite: () => Promise<boolean>
  readonly patience: Patience
}

/** How long is waited. */
export interface Patience {
  /** For a connection, a secure one where it is to be. */
  readonly connectMs: number
  /** For the answer to begin, and again for it to end. */
  readonly answerMs: number
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** How far a request came that nobody can read an answer to. */
export type HttpStage =
  /** No connection, or one that was closed meanwhile: not a byte of the request was written. */
  | 'connecting'
  /** Not a byte was written, for `mayWrite` said no. */
  | 'withdrawn'
  /** Written, wholly or in part; whether it was acted upon nobody knows. */
  | 'written'
  /** Answered, with what is not due: see `status`. */
  | 'answered'

/** A request without a readable answer. Holds no URL: the path has a secret in it. */
export class HttpFault extends Error {
  override readonly name = 'HttpFault'
  readonly stage: HttpStage
  /** Of an answer that could not be read. */
  readonly status: number | undefined

  constructor(stage: HttpStage, message: string, status?: number) {
    super(message)
    this.stage = stage
    this.status = status
  }
}

/**
 * Posts JSON. Throws `HttpFault` for whatever comes instead of a whole answer.
 *
 * The request is held back until the connection stands and `mayWrite` has said yes, so that a server out of reach leaves no doubt behind.
 * A kept connection that proves to be closed before anything was written is replaced by another one. Where it is cut at the very
 * moment of writing nobody can know whether the server has read it (RFC 9112, 9.3.1): that is `written`.
 */
export async function postJson(options: HttpRequest): Promise<HttpAnswer> {
  const { connectMs, answerMs } = options.patience
  const request = open(options)
  const answered: Promise<IncomingMessage> = once(request, 'response').then(([response]) => response)
  answered.catch(() => {})
  let stage: HttpStage = 'connecting'
  let status: number | undefined
  try {
    await within(connectMs, request, Promise.race([connected(request), answered]))
    const may = await Promise.race([options.mayWrite().catch(() => false), answered])
    if (may === false) stage = 'withdrawn'
    // An answer already: some servers say 408 to a kept connection when they close it.
    if (may !== true || request.destroyed) throw new Error('nothing was written')
    stage = 'written'
    request.end(options.body)
    const response = await within(answerMs, request, answered)
    stage = 'answered'
    status = response.statusCode
    return { status: status ?? 0, body: await within(answerMs, request, text(response)) }
  } catch (error) {
    request.destroy()
    const isStale = stage === 'connecting' && request.reusedSocket && !options.signal.aborted
    if (isStale) return postJson(options)
    throw new HttpFault(stage, messageOf(error), status)
  }
}

function open({ url, agent, signal }: HttpRequest): ClientRequest {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  const options = { method: 'POST', agent, signal, headers: { 'content-type': 'application/json' } }
  try {
    // Whoever waits hears of an error; when nobody does any more it must not end the process.
    return send(url, options).on('error', () => {})
  } catch {
    // The error of an invalid URL quotes it.
    throw new HttpFault('connecting', 'the URL of the request is not valid')
  }
}

async function connected(request: ClientRequest): Promise<void> {
  const socket: Socket = request.socket ?? (await once(request, 'socket'))[0]
  if (socket.connecting) await once(socket, socket instanceof TLSSocket ? 'secureConnect' : 'connect')
}

async function within<T>(mostMs: number, request: ClientRequest, step: Promise<T>): Promise<T> {
  const late = new Error(`nothing came within ${mostMs / 1_000} s`)
  const timer = setTimeout(() => request.destroy(late), mostMs)
  return await step.finally(() => clearTimeout(timer))
}

/** Both ways of a connection fail where a name has two addresses. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : 'unknown'
}

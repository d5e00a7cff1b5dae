import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Api, type ApiClientOptions, GrammyError, HttpError, type RawApi } from 'grammy'
import { oneLine } from '../email/one-line.ts'
import { exchangeHttp, type HttpExchange, type HttpLimits } from '../runtime/http-exchange.ts'

/** Why a call has not come to its result. Holds no token, so that it may be logged and recorded. */
export interface TelegramFault {
  readonly kind: /** The Bot API said no. */
    | 'refused'
    /** Something on the way there said no, such as a proxy, in an answer that is none of the Bot API. */
    | 'turned_away'
    /** No connection: nothing was written. */
    | 'unreachable'
    /** Nothing was written, because it was not to be handed over any more. */
    | 'withdrawn'
    /** Written, and no answer came that says what became of it. */
    | 'lost'
  /** The Bot API's error code; else the status of the answer, where there was one. */
  readonly code?: number
  /** In the words of whoever said it; one line. */
  readonly description: string
  /** What Telegram asks for with a 429. */
  readonly retryAfterSeconds?: number
  /** Where the group lives now, which has become a supergroup. */
  readonly migratedTo?: string
}

export type TelegramResult<T> =
  | { readonly ok: true; readonly result: T }
  | { readonly ok: false; readonly fault: TelegramFault }

/** A bot's way to the Bot API. */
export interface TelegramApi {
  /** The host, with its port where that is not the usual one. */
  readonly destination: string
  /**
   * Calls a method of the Bot API. `mayWrite` is asked once the connection stands, right before the first byte of the request. Never
   * rejects for what a server or a network can do.
   */
  call<T>(ask: (methods: RawApi) => Promise<T>, mayWrite?: () => Promise<boolean>): Promise<TelegramResult<T>>
  /** Ends every call, under way or to come, at once. */
  close(): void
}

/**
 * Telegram fetches an image before it answers: giving up early makes duplicates. A hundred updates of the longest messages are some
 * megabytes, and of an answer that is cut off nothing can be read.
 */
const usualLimits: HttpLimits = { connectMs: 10_000, answerMs: 60_000, bodyBytes: 16 * 1024 * 1024 }
/** Shorter than any server keeps an idle connection, so that hardly any is closed in the moment when it is used again. */
const idleMs = 4_000
const longestDescription = 300
const longestShown = 2_000

/** The way to the Bot API at `apiRoot` (without a slash at its end) for the bot with this token, which it keeps to itself. */
export function createTelegramApi(bot: { token: string; apiRoot: string; limits?: HttpLimits }): TelegramApi {
  const { token, apiRoot, limits = usualLimits } = bot
  const agent = keepAliveAgent(apiRoot)
  const closing = new AbortController()
  return {
    destination: new URL(apiRoot).host,
    async call(ask, mayWrite = async () => true) {
      // Each call has a client of its own: it is through `fetch` that grammY lets anybody know of the moment before the writing.
      const api = new Api(token, { apiRoot, fetch: fetchOver({ agent, mayWrite, limits, closed: closing.signal }) })
      try {
        return { ok: true, result: await ask(api.raw) }
      } catch (error) {
        return { ok: false, fault: telegramFault(error, token) }
      }
    },
    close() {
      closing.abort()
      agent.destroy()
    },
  }
}

/** How grammY's `Bot` is to make its requests: over kept connections, with errors that hold no URL. */
export function botClientOptions(apiRoot: string): ApiClientOptions {
  return {
    apiRoot,
    fetch: fetchOver({ agent: keepAliveAgent(apiRoot), mayWrite: async () => true, limits: usualLimits }),
  }
}

/** What grammY has thrown, without the token. */
export function telegramFault(error: unknown, token: string): TelegramFault {
  const fault = readFault(error)
  return { ...fault, description: oneLine(withoutToken(fault.description, token)).slice(0, longestDescription) }
}

function readFault(error: unknown): TelegramFault {
  if (error instanceof GrammyError) {
    const { error_code: code, description, parameters } = error
    const { retry_after: retryAfterSeconds, migrate_to_chat_id: migratedTo } = parameters
    return {
      kind: 'refused',
      code,
      description,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...(migratedTo !== undefined && { migratedTo: String(migratedTo) }),
    }
  }
  const cause = error instanceof HttpError ? error.error : error
  if (cause instanceof FaultError) return cause.fault
  return { kind: 'lost', description: cause instanceof Error ? cause.message : 'unknown' }
}

/** A fault on its way through grammY, which passes on what is thrown. */
class FaultError extends Error {
  override readonly name = 'FaultError'
  readonly fault: TelegramFault

  constructor(fault: TelegramFault) {
    super(fault.description)
    this.fault = fault
  }
}

function keepAliveAgent(apiRoot: string): HttpAgent {
  const options = { keepAlive: true, timeout: idleMs }
  return apiRoot.startsWith('https:') ? new HttpsAgent(options) : new HttpAgent(options)
}

/** What grammY hands to `fetch`, of which it reads but `json` in the answer. */
interface GrammyRequest {
  readonly body: string
  readonly signal: Pick<AbortSignal, 'aborted' | 'addEventListener'>
}

interface Route {
  readonly agent: HttpAgent
  readonly mayWrite: () => Promise<boolean>
  readonly limits: HttpLimits
  readonly closed?: AbortSignal
}

function fetchOver({ agent, mayWrite, limits, closed }: Route) {
  return async (address: string, { body, signal: ended }: GrammyRequest) => {
    const aborting = new AbortController()
    if (ended.aborted) aborting.abort()
    ended.addEventListener('abort', () => aborting.abort())
    const signal = AbortSignal.any([aborting.signal, ...(closed ? [closed] : [])])
    const headers = { 'content-type': 'application/json' }
    const request = { method: 'POST', url: new URL(address), headers, body, agent } as const
    const answer = readAnswer(await exchangeHttp(request, { handOver: mayWrite, signal, limits }))
    return { json: async () => answer }
  }
}

/** Throws a `FaultError` for anything that the Bot API would not say. */
function readAnswer(exchange: HttpExchange): unknown {
  if (exchange.kind === 'untouched') throw new FaultError({ kind: 'withdrawn', description: 'nothing was written' })
  const { kind, fault } = exchange
  if (kind !== 'answered') throw new FaultError({ kind, description: exchange.fault.message })
  const { status, body } = exchange
  const answer = fault ? undefined : parse(body)
  if (isBotApiAnswer(answer)) return answer
  // A gateway that has waited in vain has passed the request on.
  const isLost = isSuccess(status) || status === 504
  const description = fault?.message ?? `not an answer of the Bot API (HTTP ${status}): ${textOf(body) || 'nothing'}`
  throw new FaultError({ kind: isLost ? 'lost' : 'turned_away', code: status, description })
}

/** What a page says to whoever looks at it. */
function textOf(page: string): string {
  return page
    .slice(0, longestShown)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function isBotApiAnswer(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null || !('ok' in answer)) return false
  if (answer.ok === true) return 'result' in answer
  return (
    'error_code' in answer &&
    typeof answer.error_code === 'number' &&
    'description' in answer &&
    typeof answer.description === 'string'
  )
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

function withoutToken(text: string, token: string): string {
  return [token, encodeURIComponent(token)].reduce((masked, secret) => masked.replaceAll(secret, '***'), text)
}

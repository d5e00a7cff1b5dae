import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Api, type ApiClientOptions, GrammyError, HttpError, type RawApi } from 'grammy'
import { oneLine } from '../email/one-line.ts'
import { assertNever } from '../runtime/assert-never.ts'
import { type HttpAnswer, HttpFault, type Patience, postJson } from './http-request.ts'

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

/** Telegram fetches an image before it answers. Giving up early makes duplicates. */
const usualPatience: Patience = { connectMs: 10_000, answerMs: 60_000 }
/** Shorter than any server keeps an idle connection, so that hardly any is closed in the moment when it is used again. */
const idleMs = 4_000
const longestDescription = 300
const longestShown = 2_000

/** The way to the Bot API at `apiRoot` (without a slash at its end) for the bot with this token, which it keeps to itself. */
export function createTelegramApi(bot: { token: string; apiRoot: string; patience?: Patience }): TelegramApi {
  const { token, apiRoot, patience = usualPatience } = bot
  const agent = keepAliveAgent(apiRoot)
  const closing = new AbortController()
  return {
    destination: new URL(apiRoot).host,
    async call(ask, mayWrite = async () => true) {
      // Each call has a client of its own: it is through `fetch` that grammY lets anybody know of the moment before the writing.
      const api = new Api(token, { apiRoot, fetch: fetchOver({ agent, mayWrite, patience, closed: closing.signal }) })
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
    fetch: fetchOver({ agent: keepAliveAgent(apiRoot), mayWrite: async () => true, patience: usualPatience }),
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
  if (cause instanceof HttpFault) return fromHttp(cause)
  return { kind: 'lost', description: cause instanceof Error ? cause.message : 'unknown' }
}

function fromHttp({ stage, status = 0, message: description }: HttpFault): TelegramFault {
  switch (stage) {
    case 'connecting':
      return { kind: 'unreachable', description }
    case 'withdrawn':
      return { kind: 'withdrawn', description }
    case 'written':
      return { kind: 'lost', description }
    case 'answered':
      // A gateway that has waited in vain has passed the request on.
      return { kind: isSuccess(status) || status === 504 ? 'lost' : 'turned_away', code: status, description }
    default:
      return assertNever(stage)
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

interface Way {
  readonly agent: HttpAgent
  readonly mayWrite: () => Promise<boolean>
  readonly patience: Patience
  readonly closed?: AbortSignal
}

function fetchOver({ closed, ...way }: Way) {
  return async (url: string, { body, signal: ended }: GrammyRequest) => {
    const aborting = new AbortController()
    if (ended.aborted) aborting.abort()
    ended.addEventListener('abort', () => aborting.abort())
    const signal = AbortSignal.any([aborting.signal, ...(closed ? [closed] : [])])
    const answer = await postJson({ ...way, url, body, signal })
    return { json: async () => readAnswer(answer) }
  }
}

/** Throws `HttpFault` for anything that the Bot API would not say. */
function readAnswer({ status, body }: HttpAnswer): unknown {
  const answer = parse(body)
  if (isBotApiAnswer(answer)) return answer
  const shown = body
    .slice(0, longestShown)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  throw new HttpFault('answered', `not an answer of the Bot API (HTTP ${status}): ${shown || 'nothing'}`, status)
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

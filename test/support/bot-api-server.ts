import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type BotAnswer, botAnswers, refusal } from './bot-api-answers.ts'
import { readTelegramHtml } from './telegram-html.ts'
import { UpdateQueue } from './update-queue.ts'

/** One call, as it arrived. */
export interface BotRequest {
  /** Of the Bot API, such as `sendMessage`. */
  readonly method: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly chatId: string
  /** When its last byte came: milliseconds of `performance.now()`. */
  readonly at: number
}

/**
 * What the server does with a call; undefined for what Telegram does when nothing is wrong. A promise is time to think. `gone` is aborted
 * when the client has hung up, or has its answer.
 */
export type BotScript = (
  request: BotRequest,
  gone: AbortSignal,
) => BotAnswer | undefined | Promise<BotAnswer | undefined>

export interface BotApiOptions {
  readonly script?: BotScript
  /** Looks at the head of a request, before its body has come in. */
  readonly onHead?: (incoming: IncomingMessage) => void
  /** Listens there instead of on a free port. */
  readonly port?: number
  /** Speaks HTTPS, as localhost. */
  readonly secure?: { readonly cert: string; readonly key: string }
}

export interface BotApiServer {
  /** For `TELEGRAM_API_ROOT`. */
  readonly apiRoot: string
  readonly port: number
  /** For `TELEGRAM_BOT_TOKEN`. With any other the answer is 401. */
  readonly token: string
  /** Every call, in the order of arrival. */
  readonly requests: readonly BotRequest[]
  /** Calls that send something and that the server has taken, in this order, whatever the client came to know. */
  readonly taken: readonly BotRequest[]
  /** How often a text or caption, as it came, was taken: by chat, then by text. */
  readonly deliveries: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Pollers that were turned away because another one polls. */
  readonly conflicts: number
  readonly connections: number
  /** From now on does as the script says; without one, what Telegram does when nothing is wrong. */
  follow(script?: BotScript): void
  /** Hands an update, without its `update_id`, to whoever polls. */
  push(update: Readonly<Record<string, unknown>>): void
  /** Cuts every connection. */
  cut(): void
  /** Stops listening and cuts every connection. */
  stop(): Promise<void>
}

const botId = 7_000_000_001
const token = `${botId}:AAG-test_token-never-to-be-seen-anywhere`
const me = { id: botId, is_bot: true, first_name: 'Vertex AR', username: 'vertex_ar_test_bot' }
const abilities = { can_join_groups: true, can_read_all_group_messages: false, supports_inline_queries: false }

/**
 * A Bot API server on loopback, over real HTTP. It checks texts as Telegram does (entities, lengths) and keeps every call. It knows the
 * methods that send, `getMe`, `getUpdates` (long polling, one poller at a time), and answers `true` to any other.
 */
export async function startBotApiServer(options: BotApiOptions = {}): Promise<BotApiServer> {
  const requests: BotRequest[] = []
  const taken: BotRequest[] = []
  const deliveries = new Map<string, Map<string, number>>()
  const updates = new UpdateQueue()
  const { script, onHead, port: wanted = 0, secure } = options
  let current = script
  let connections = 0
  let messageId = 0

  const take = (request: BotRequest): void => {
    taken.push(request)
    const counts = deliveries.get(request.chatId) ?? new Map<string, number>()
    deliveries.set(request.chatId, counts)
    counts.set(textOf(request), (counts.get(textOf(request)) ?? 0) + 1)
  }

  const usual = (request: BotRequest, gone: AbortSignal): BotAnswer | Promise<BotAnswer> => {
    if (request.method === 'getUpdates') return updates.poll(request.payload, gone)
    if (request.method === 'getMe') return success({ ...me, ...abilities })
    if (!isSending(request)) return success(true)
    const fault = faultOf(request)
    if (fault !== undefined) return refusal(400, `Bad Request: ${fault}`)
    messageId += 1
    return success(messageFrom(request, messageId))
  }

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    onHead?.(incoming)
    const request = await readRequest(incoming)
    if (request === undefined) return write(response, botAnswers.wrongToken)
    requests.push(request)
    const decided = (await current?.(request, gone.signal)) ?? (await usual(request, gone.signal))
    if (isSending(request) && isTaken(decided)) take(request)
    write(response, decided)
  }

  const listen = (incoming: IncomingMessage, response: ServerResponse): void => {
    // A client that goes away in the middle of its request.
    answer(incoming, response).catch(() => response.destroy())
  }
  const server = secure ? createSecureServer(secure, listen) : createServer(listen)
  server.on('connection', () => {
    connections += 1
  })
  server.listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    apiRoot: secure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    port,
    token,
    requests,
    taken,
    deliveries,
    get conflicts() {
      return updates.conflicts
    },
    get connections() {
      return connections
    },
    follow(next) {
      current = next
    },
    push: (update) => updates.push(update),
    cut: () => server.closeAllConnections(),
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Undefined where the token is another. */
async function readRequest(incoming: IncomingMessage): Promise<BotRequest | undefined> {
  const body = await text(incoming)
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://localhost')
  const [, bot, method = ''] = pathname.split('/')
  if (bot !== `bot${token}`) return undefined
  const given = incoming.headers['content-type']?.startsWith('application/json')
    ? JSON.parse(body || '{}')
    : Object.fromEntries(new URLSearchParams(body))
  const payload: Readonly<Record<string, unknown>> = { ...Object.fromEntries(searchParams), ...given }
  return { method, payload, chatId: String(payload.chat_id ?? ''), at: performance.now() }
}

function isSending({ method }: BotRequest): boolean {
  return /^(send|copy|forward)/.test(method) && method !== 'sendChatAction'
}

function textOf({ payload }: BotRequest): string {
  return String(payload.text ?? payload.caption ?? '')
}

/** What Telegram would not take, in its words. */
function faultOf(request: BotRequest): string | undefined {
  const { method, payload } = request
  const text = textOf(request)
  if (Buffer.byteLength(text) > 32_768) return 'text is too long'
  const { visible, fault } = readTelegramHtml(text, payload.parse_mode)
  if (fault !== undefined) return `can't parse entities: ${fault}`
  if (method === 'sendPhoto') return visible.length > 1_024 ? 'message caption is too long' : undefined
  if (visible.trim() === '') return 'message text is empty'
  return visible.length > 4_096 ? 'message is too long' : undefined
}

function messageFrom({ chatId, payload }: BotRequest, messageId: number): Readonly<Record<string, unknown>> {
  const type = chatId.startsWith('-') ? 'supergroup' : 'private'
  const chat = { id: Number(chatId) || chatId, type }
  const { text, caption } = payload
  return { message_id: messageId, date: Math.floor(Date.now() / 1000), from: me, chat, text, caption }
}

function success(result: unknown): BotAnswer {
  return { status: 200, body: { ok: true, result } }
}

function isTaken(answer: BotAnswer): boolean {
  if ('act' in answer) return answer.taken
  return answer.taken ?? (answer.status === 200 && typeof answer.body === 'object')
}

function write(response: ServerResponse, answer: BotAnswer): void {
  if ('act' in answer) {
    if (answer.act === 'reset') response.socket?.resetAndDestroy()
    return
  }
  const { status, body } = answer
  const isText = typeof body === 'string'
  response.writeHead(status, { 'content-type': isText && body.startsWith('<') ? 'text/html' : 'application/json' })
  response.end(isText ? body : JSON.stringify(body))
}

import type { Notice } from '../../../src/notifications/notice.ts'
import type { Outcome } from '../../../src/queue/outcome.ts'
import { type BotAnswer, botAnswers, refusal } from '../../support/bot-api-answers.ts'
import type { BotScript } from '../../support/bot-api-server.ts'

/** What happens beside the outcome. */
export type Aside =
  | 'the attempt is given back'
  | 'the chat is marked as unreachable'
  | 'the whole bot pauses for as long as Telegram says'
  | 'the whole bot pauses, longer each time'
  | 'the new chat id is stored'
  | 'sent once more as plain text'
  | 'sent once more without the image'
  | 'Telegram is not asked'

/** One answer of Telegram, or what comes instead of one, and what it comes to. */
export interface MatrixEntry {
  readonly channel: 'telegram'
  /** In plain words. */
  readonly answer: string
  /** What the Bot API server does with each call. */
  readonly exchange?: BotScript
  /** Where it is not the server that matters. */
  readonly circumstance?:
    | 'nobody listens'
    | 'no token'
    | 'the chat is known to be unreachable'
    | 'the worker stops while it waits'
  readonly notice?: Partial<Notice>
  readonly outcome: Outcome['kind']
  readonly errorClass?: string
  /** Of the row, after the first of three attempts. */
  readonly status: 'sent' | 'pending' | 'failed' | 'skipped'
  readonly also: readonly Aside[]
}

const always =
  (answer: BotAnswer): BotScript =>
  () =>
    answer

const withImage = { data: { image_url: 'https://example.com/a.png' } }
const proxyForbids = { status: 403, body: '<html><body>Forbidden by the proxy</body></html>' }
const gatewayTimeout = { status: 504, body: '<html><body>504 Gateway Time-out</body></html>' }
const newChat = -1_001_234

const entries: readonly Omit<MatrixEntry, 'channel'>[] = [
  { answer: 'taken', outcome: 'sent', status: 'sent', also: [] },
  {
    answer: '429 with `retry_after`',
    exchange: always(botAnswers.throttled(7)),
    outcome: 'throttled',
    errorClass: 'throttled',
    status: 'pending',
    also: ['the attempt is given back', 'the whole bot pauses for as long as Telegram says'],
  },
  ...chatRefusals([
    ['403: the bot was blocked by the user', botAnswers.blocked, 'bot_blocked'],
    ['403: the bot was kicked from the group', botAnswers.kicked, 'bot_kicked'],
    ['403: the user has never started the bot', botAnswers.neverStarted, 'bot_not_started'],
    ['403: the account of the user is deactivated', botAnswers.deactivated, 'user_deactivated'],
    ['403 for any other reason', refusal(403, 'Forbidden'), 'no_rights'],
    ['400: chat not found', botAnswers.chatNotFound, 'chat_not_found'],
    ['400: no rights to write to the chat', botAnswers.noRights, 'no_rights'],
  ]),
  {
    answer: '400 with `migrate_to_chat_id`',
    exchange: ({ chatId }) => (chatId === String(newChat) ? undefined : botAnswers.migrated(newChat)),
    outcome: 'sent',
    status: 'sent',
    also: ['the new chat id is stored'],
  },
  {
    answer: "400: can't parse entities",
    exchange: ({ payload }) => (payload.parse_mode === 'HTML' ? botAnswers.cannotParse : undefined),
    outcome: 'sent',
    status: 'sent',
    also: ['sent once more as plain text'],
  },
  {
    answer: "400: can't parse entities, and the plain text is refused too",
    exchange: always(botAnswers.cannotParse),
    outcome: 'hard_failure',
    errorClass: 'message_refused',
    status: 'failed',
    also: ['sent once more as plain text'],
  },
  {
    answer: '400: the image cannot be had',
    exchange: ({ method }) => (method === 'sendPhoto' ? botAnswers.wrongImage : undefined),
    notice: withImage,
    outcome: 'sent',
    status: 'sent',
    also: ['sent once more without the image'],
  },
  {
    answer: '400 for any other reason',
    exchange: always(refusal(400, 'Bad Request: BUTTON_URL_INVALID')),
    outcome: 'hard_failure',
    errorClass: 'message_refused',
    status: 'failed',
    also: [],
  },
  ...tokenRefusals([
    ['401: the token is wrong', botAnswers.wrongToken],
    ['404: the token is none', botAnswers.noSuchBot],
  ]),
  ...softFailures([
    ['5xx of Telegram', botAnswers.serverError],
    ['5xx of something on the way, such as a page of a proxy', botAnswers.proxyError],
  ]),
  {
    answer: '3xx or 4xx of something on the way, such as a page of a proxy',
    exchange: always(proxyForbids),
    outcome: 'outage',
    errorClass: 'turned_away',
    status: 'pending',
    also: ['the attempt is given back', 'the whole bot pauses, longer each time'],
  },
  {
    answer: 'no connection: refused, no such host, no secure connection, nothing within 10 s',
    circumstance: 'nobody listens',
    outcome: 'soft_failure',
    errorClass: 'unreachable',
    status: 'pending',
    also: ['Telegram is not asked'],
  },
  ...lostAnswers([
    ['the connection is cut after the request was written, message not taken', botAnswers.resetBefore],
    ['the connection is cut after the request was written, message taken', botAnswers.resetAfter],
    ['a page where JSON is due, with 200', botAnswers.proxyPage],
    ['JSON that breaks off', botAnswers.brokenJson],
    ['504 of a gateway that has waited in vain', gatewayTimeout],
  ]),
  {
    answer: 'none yet, and the worker stops',
    exchange: always(botAnswers.silenceAfter),
    circumstance: 'the worker stops while it waits',
    outcome: 'ambiguous',
    errorClass: 'answer_lost',
    status: 'pending',
    also: ['the attempt is given back'],
  },
  ...notAsked([
    ['the chat was unreachable before', 'chat_unreachable', { circumstance: 'the chat is known to be unreachable' }],
    ['nobody to send it to', 'no_recipient', { notice: { recipient: null } }],
    ['no token is set', 'channel_unconfigured', { circumstance: 'no token' }],
  ]),
  {
    answer: 'nothing to say',
    notice: { subject: null, message: null },
    outcome: 'hard_failure',
    errorClass: 'message_empty',
    status: 'failed',
    also: ['Telegram is not asked'],
  },
]

/** Every answer that the Telegram channel meets. `docs/` shows it as a table, and the tests of the channel go through it. */
export const telegramMatrix: readonly MatrixEntry[] = entries.map((entry) => ({ channel: 'telegram', ...entry }))

type Partly = Omit<MatrixEntry, 'channel'>

function chatRefusals(refusals: readonly (readonly [string, BotAnswer, string])[]): Partly[] {
  return refusals.map(([answer, given, errorClass]) => ({
    answer,
    exchange: always(given),
    outcome: 'hard_failure',
    errorClass,
    status: 'failed',
    also: ['the chat is marked as unreachable'],
  }))
}

function tokenRefusals(refusals: readonly (readonly [string, BotAnswer])[]): Partly[] {
  return refusals.map(([answer, given]) => ({
    answer,
    exchange: always(given),
    outcome: 'outage',
    errorClass: 'login_refused',
    status: 'pending',
    also: ['the attempt is given back', 'the whole bot pauses, longer each time'],
  }))
}

function softFailures(answers: readonly (readonly [string, BotAnswer])[]): Partly[] {
  return answers.map(([answer, given]) => ({
    answer,
    exchange: always(given),
    outcome: 'soft_failure',
    errorClass: 'server_unavailable',
    status: 'pending',
    also: [],
  }))
}

function lostAnswers(answers: readonly (readonly [string, BotAnswer])[]): Partly[] {
  return answers.map(([answer, given]) => ({
    answer,
    exchange: always(given),
    outcome: 'ambiguous',
    errorClass: 'answer_lost',
    status: 'pending',
    also: [],
  }))
}

function notAsked(
  reasons: readonly (readonly [string, string, Pick<MatrixEntry, 'circumstance' | 'notice'>])[],
): Partly[] {
  return reasons.map(([answer, errorClass, given]) => ({
    answer,
    ...given,
    outcome: 'skipped',
    errorClass,
    status: 'skipped',
    also: ['Telegram is not asked'],
  }))
}

import { setTimeout as delay } from 'node:timers/promises'
import { Bot, GrammyError, HttpError } from 'grammy'
import type { Logger } from 'pino'
import { lead } from '../db/leader-lock.ts'
import type { Database } from '../db/pool.ts'
import type { Locale } from '../email/locale.ts'
import { botClientOptions, type TelegramFault, telegramFault } from './api.ts'
import { BotAnswers } from './bot-answers.ts'
import { BotCommands } from './bot-commands.ts'
import { pollUpdates } from './bot-polling.ts'
import type { SharedChats } from './shared-chats.ts'

export interface TelegramBotOptions {
  readonly database: Database
  /** Past a pooler, for the lock. */
  readonly directUrl: string
  readonly token: string
  /** Without a slash at its end. */
  readonly apiRoot: string
  readonly chats: SharedChats
  readonly defaultLocale: Locale
  readonly defaultTimeZone: string
  /** While it says so nobody is answered, and Telegram is not asked: what it has to tell may be for another installation. */
  readonly isBlocked: () => boolean
  readonly log: Logger
  /** How often the lock's connection is tried, in milliseconds. */
  readonly pulseMs?: number
}

const firstRetryMs = 1_000
const lastRetryMs = 30_000
/** How often a process that does not poll looks whether nobody does. */
const lookAgainMs = 5_000
const remindAfterMs = 60_000
/** Requests under way when it is to stop may take so long. */
const cutAfterMs = 400

/**
 * Answers those who write to the bot, in one process of the fleet at a time: whichever has the lock polls, the others stand by. Never
 * gives up, whatever is out of reach; `stop` takes a second at most.
 */
export function startTelegramBot(options: TelegramBotOptions): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const ended = keepAnswering(options, stopping.signal)
  return {
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

async function keepAnswering(options: TelegramBotOptions, signal: AbortSignal): Promise<void> {
  const troubles = new Troubles(options.log)
  let retryMs = firstRetryMs
  const onPolling = () => {
    retryMs = firstRetryMs
    troubles.over()
    options.log.info('the bot answers those who write to it')
  }
  while (!signal.aborted) {
    let waitMs = lookAgainMs
    try {
      const { directUrl: url, pulseMs } = options
      const lock = { url, applicationName: 'fleet telegram bot', name: 'fleet.telegram-bot', signal }
      if (!options.isBlocked()) {
        await lead({ ...lock, ...(pulseMs !== undefined && { pulseMs }) }, (leading) =>
          whileNotBlocked(leading, options.isBlocked, (may) =>
            answerWhile(may, { ...options, stopping: signal, onPolling }),
          ),
        )
      }
    } catch (error) {
      if (signal.aborted) return
      waitMs = troubles.report(error, options.token, retryMs)
      retryMs = Math.min(lastRetryMs, retryMs * 2)
    }
    await delay(waitMs, undefined, { signal }).catch(() => {})
  }
}

async function whileNotBlocked(
  leading: AbortSignal,
  isBlocked: () => boolean,
  work: (may: AbortSignal) => Promise<void>,
): Promise<void> {
  const blocked = new AbortController()
  const timer = setInterval(() => isBlocked() && blocked.abort(), lookAgainMs)
  try {
    await work(AbortSignal.any([leading, blocked.signal]))
  } finally {
    clearInterval(timer)
  }
}

interface Answering extends TelegramBotOptions {
  readonly stopping: AbortSignal
  readonly onPolling: () => void
}

async function answerWhile(leading: AbortSignal, options: Answering): Promise<void> {
  const { database, token, apiRoot, chats, defaultLocale, defaultTimeZone, log, stopping, onPolling } = options
  const cutting = new AbortController()
  leading.addEventListener('abort', () => void setTimeout(() => cutting.abort(), cutAfterMs).unref())
  const answers = new BotAnswers({ token, chats, stopping: leading, cutting: cutting.signal, log })
  const bot = new Bot(token, { client: botClientOptions(apiRoot) })
  new BotCommands({
    ...{ db: database.db, token, chats, defaultLocale, defaultTimeZone, log },
    answer: (context, html) => answers.send(context, html),
  }).addTo(bot)
  const mayConfirm = () => stopping.aborted || !leading.aborted
  await pollUpdates({ bot, signal: leading, mayConfirm, onPolling, log }).catch((error) => {
    if (!leading.aborted) throw error
  })
}

/** Why the bot does not answer: said when it begins, when it becomes another reason, and once a minute while it lasts. */
class Troubles {
  readonly #log: Logger
  #current: { readonly what: string; remindedAt: number } | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  over(): void {
    this.#current = undefined
  }

  /** Answers how long to wait before the next try. */
  report(error: unknown, token: string, retryMs: number): number {
    const isTelegrams = error instanceof GrammyError || error instanceof HttpError
    const fault = isTelegrams ? telegramFault(error, token) : undefined
    const what = fault === undefined ? 'the database is out of reach' : describe(fault)
    const now = performance.now()
    if (this.#current?.what !== what || now - this.#current.remindedAt >= remindAfterMs) {
      this.#current = { what, remindedAt: now }
      this.#log.warn(fault === undefined ? { err: error } : { fault }, `the bot does not answer: ${what}; trying again`)
    }
    return Math.max(retryMs, 1_000 * (fault?.retryAfterSeconds ?? 0))
  }
}

function describe({ kind, code }: TelegramFault): string {
  if (kind === 'refused' && code === 409) return 'another program polls for it, or it has a webhook'
  if (kind === 'refused' && (code === 401 || code === 404)) return 'its token is refused'
  return 'Telegram cannot be asked'
}

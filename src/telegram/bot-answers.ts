import { setTimeout as delay } from 'node:timers/promises'
import type { Context } from 'grammy'
import type { Logger } from 'pino'
import { judge } from '../notifications/channels/telegram/policy.ts'
import { type TelegramFault, telegramFault } from './api.ts'
import { grammySignal } from './grammy-signal.ts'
import type { TelegramChats } from './telegram-chats.ts'

export interface BotAnswersOptions {
  readonly token: string
  readonly chats: TelegramChats
  /** Gives up waiting for a turn. */
  readonly stopping: AbortSignal
  /** Ends requests that are under way. */
  readonly cutting: AbortSignal
  readonly log: Logger
}

/** Whoever asked has to wait, but not those who ask after them. */
const longestWaitMs = 20_000

/** Sends what the bot answers, within the limits that hold for all messages. */
export class BotAnswers {
  readonly #options: BotAnswersOptions

  constructor(options: BotAnswersOptions) {
    this.#options = options
  }

  /** Rejects when it is to stop before it is sent. What Telegram does not take is logged, not sent again: people ask again. */
  async send(context: Context, html: string): Promise<void> {
    const { chats, stopping, log } = this.#options
    const until = performance.now() + longestWaitMs
    let chatId = String(context.chat?.id)
    for (;;) {
      const turn = await chats.take(chatId)
      stopping.throwIfAborted()
      if (turn.kind === 'go') {
        chatId = turn.chatId
        const fault = await this.#offer(context, chatId, html)
        if (fault === undefined) return chats.passed()
        if (!(await this.#mayTryAgain(chatId, fault)) || performance.now() > until) return
      } else if (turn.kind === 'unreachable' || performance.now() + turn.delayMs > until) {
        return log.warn({ chatId, turn }, 'a chat gets no answer from the bot')
      } else await delay(turn.delayMs, undefined, { signal: stopping })
    }
  }

  async #offer({ api, chat, msgId }: Context, chatId: string, html: string): Promise<TelegramFault | undefined> {
    const isGroup = chat !== undefined && chat.type !== 'private'
    const reply = { message_id: msgId ?? 0, allow_sending_without_reply: true }
    const options = {
      parse_mode: 'HTML' as const,
      link_preview_options: { is_disabled: true },
      ...(isGroup && msgId !== undefined && { reply_parameters: reply }),
    }
    try {
      await api.sendMessage(chatId, html, options, grammySignal(this.#options.cutting))
      return undefined
    } catch (error) {
      return telegramFault(error, this.#options.token)
    }
  }

  /** Makes known what Telegram said; true where the answer may go out after all. */
  async #mayTryAgain(chatId: string, fault: TelegramFault): Promise<boolean> {
    const { chats, log } = this.#options
    const verdict = judge(fault, { plain: false, image: false, text: true, closing: false })
    if (verdict.kind === 'throttled') await chats.pause(verdict.forMs, verdict.reason)
    else if (verdict.kind === 'migrated') await chats.migrate(chatId, verdict.chatId)
    else if (verdict.kind === 'outage') await chats.outage(verdict.reason)
    else if (verdict.kind === 'unreachable') await chats.unreachable(chatId, verdict.errorClass, verdict.reason)
    if (verdict.kind === 'throttled' || verdict.kind === 'migrated') return true
    log.warn({ chatId, fault }, 'an answer of the bot was not taken')
    return false
  }
}

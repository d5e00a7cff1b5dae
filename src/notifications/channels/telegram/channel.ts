import type { Logger } from 'pino'
import { createTelegramApi } from '../../../telegram/api.ts'
import type { TelegramChats } from '../../../telegram/telegram-chats.ts'
import type { Channel, Delivery } from '../../channel.ts'
import { createOutbox } from '../outbox.ts'
import { Attempt } from './attempt.ts'
import { outboxCourier, telegramCourier } from './courier.ts'
import { explain, type TelegramErrorClass } from './error-class.ts'
import { composeMessage } from './message.ts'

export interface TelegramChannelOptions {
  readonly botToken: string | undefined
  /** Without a slash at its end, or `outbox:`, which needs no token. */
  readonly apiRoot: string
  /** The directory of the outbox. */
  readonly outbox: string
  readonly chats: TelegramChats
  readonly log: Logger
}

/** Telegram through a bot, or its local outbox. */
export function telegramChannel(options: TelegramChannelOptions): Channel {
  const { chats, log } = options
  const courier = createCourier(options)
  if (courier === undefined) return unconfigured(options.apiRoot)
  const closing = new AbortController()
  return {
    destination: courier.destination,
    async deliver(notice, hold) {
      const { recipient: chatId } = notice
      if (chatId === null) return without('skipped', 'no_recipient')
      const composed = composeMessage(notice)
      if (composed.parts.length === 0) return without('hard_failure', 'message_empty')
      return await new Attempt(
        { courier, chats, log, closing: closing.signal },
        { notice, hold, composed, chatId },
      ).run()
    },
    close() {
      closing.abort()
      courier.close()
    },
  }
}

function createCourier({ botToken, apiRoot, outbox }: TelegramChannelOptions) {
  if (apiRoot === 'outbox:') return outboxCourier(createOutbox({ directory: outbox }))
  return botToken === undefined ? undefined : telegramCourier(createTelegramApi({ token: botToken, apiRoot }))
}

function unconfigured(apiRoot: string): Channel {
  return {
    destination: new URL(apiRoot).host,
    deliver: async ({ recipient }) => without('skipped', recipient === null ? 'no_recipient' : 'channel_unconfigured'),
    close() {},
  }
}

/** Nothing is asked of Telegram. */
function without(kind: 'skipped' | 'hard_failure', errorClass: TelegramErrorClass): Delivery {
  return { outcome: { kind, errorClass, reason: explain(errorClass) } }
}

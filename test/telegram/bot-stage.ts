import { pino } from 'pino'
import { connectDatabase } from '../../src/db/pool.ts'
import { channelPause } from '../../src/notifications/channel-pause-store.ts'
import { startTelegramBot } from '../../src/telegram/bot.ts'
import { SharedChats } from '../../src/telegram/shared-chats.ts'
import type { BotApiServer } from '../support/bot-api-server.ts'

export interface BotOptions {
  readonly server: Pick<BotApiServer, 'apiRoot' | 'token'>
  /** Of the pool. */
  readonly url: string
  /** Of the lock; the same unless given. */
  readonly directUrl?: string
  /** By the wrong database; never unless given. */
  readonly isBlocked?: () => boolean
}

export interface TestBot {
  /** What it has logged, as it is written. */
  readonly lines: readonly string[]
  stop(): Promise<void>
}

/** The bot as a worker runs it, with a quick pulse. */
export function startBot({ server, url, directUrl = url, isBlocked = () => false }: BotOptions): TestBot {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const database = connectDatabase({ url, applicationName: 'fleet test bot', max: 3, onError: () => {} })
  const limits = { perSecond: 1_000, chatPerSecond: 1_000, chatBurst: 100, groupPerMinute: 20 }
  const chats = new SharedChats({ database, limits, pause: channelPause(database, 'telegram'), log })
  const bot = startTelegramBot({
    ...{ database, directUrl, chats, log, pulseMs: 400, isBlocked },
    ...{ token: server.token, apiRoot: server.apiRoot, defaultLocale: 'ru', defaultTimeZone: 'Europe/Moscow' },
  })
  let stopped: Promise<void> | undefined
  return {
    lines,
    stop() {
      stopped ??= bot.stop().finally(() => database.close())
      return stopped
    },
  }
}

export interface Sender {
  readonly chatId?: number
  /** Of the group; without one it is a private chat. */
  readonly group?: 'group' | 'supergroup'
  readonly username?: string
  readonly language?: string | undefined
}

let messageId = 0

/** An update with a message to the bot, as Telegram makes them. */
export function message(text: string, sender: Sender = {}): Readonly<Record<string, unknown>> {
  const { length } = text.split(' ', 1)[0] ?? ''
  const isCommand = text.startsWith('/')
  return envelope(sender, { text, ...(isCommand && { entities: [{ type: 'bot_command', offset: 0, length }] }) })
}

/** A message that a group is a supergroup from now on. */
export function migration(from: number, to: number): Readonly<Record<string, unknown>> {
  return envelope({ chatId: from, group: 'group' }, { migrate_to_chat_id: to })
}

/** The bot was blocked, removed or let in. */
export function presence(status: 'kicked' | 'left' | 'member', sender: Sender): Readonly<Record<string, unknown>> {
  const user = { id: 7_000_000_001, is_bot: true, first_name: 'Vertex AR' }
  const change = { date: 1, old_chat_member: { user, status: 'member' }, new_chat_member: { user, status } }
  return { my_chat_member: { chat: chatOf(sender), from: fromOf(sender), ...change } }
}

function envelope(sender: Sender, content: object): Readonly<Record<string, unknown>> {
  messageId += 1
  return { message: { message_id: messageId, date: 1, chat: chatOf(sender), from: fromOf(sender), ...content } }
}

function chatOf({ chatId = 5, group, username }: Sender): object {
  if (group === undefined) return { id: chatId, type: 'private', first_name: 'Ann' }
  return { id: chatId, type: group, title: 'Museum', ...(username && { username }) }
}

function fromOf({ language = 'en' }: Sender): object {
  return { id: 77, is_bot: false, first_name: 'Ann', ...(language !== '' && { language_code: language }) }
}

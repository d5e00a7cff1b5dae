import { Writable } from 'node:stream'
import pino from 'pino'
import type { Channel, Delivery, Hold } from '../../../src/notifications/channel.ts'
import { telegramChannel } from '../../../src/notifications/channels/telegram/channel.ts'
import type { Notice } from '../../../src/notifications/notice.ts'
import type { TelegramChats, Turn } from '../../../src/telegram/telegram-chats.ts'
import { type BotApiServer, startBotApiServer } from '../../support/bot-api-server.ts'
import { makeNotice } from './notice.ts'

/** What a channel is surrounded by: Telegram, the database's knowledge of chats, and the hold on a row. */
export class Stage {
  readonly server: BotApiServer
  readonly chats = new MemoryChats()
  /** What was asked and told, in order. */
  readonly events: string[] = []
  /** All that was logged. */
  log = ''
  /** What is durable of the parts. */
  kept: unknown
  mayHandOver: () => Promise<boolean> = async () => true
  isLost = false
  readonly #channels: Channel[] = []

  private constructor(server: BotApiServer) {
    this.server = server
  }

  static async set(): Promise<Stage> {
    return new Stage(await startBotApiServer())
  }

  channel(given: Partial<Parameters<typeof telegramChannel>[0]> = {}): Channel {
    const { apiRoot, token: botToken } = this.server
    const destination = new Writable({
      write: (chunk, _encoding, done) => {
        this.log += chunk
        done()
      },
    })
    const log = pino({ level: 'trace' }, destination)
    const channel = telegramChannel({ botToken, apiRoot, outbox: '/nowhere', chats: this.chats, log, ...given })
    this.#channels.push(channel)
    return channel
  }

  deliver(notice: Partial<Notice> = {}, channel = this.channel()): Promise<Delivery> {
    return channel.deliver(makeNotice(notice), this.hold())
  }

  hold(): Hold {
    return {
      handOver: () => {
        this.events.push('hand over')
        return this.mayHandOver()
      },
      lost: () => this.isLost,
      keep: async (parts) => {
        this.events.push('keep')
        this.kept = structuredClone(parts)
      },
    }
  }

  /** The texts that Telegram has taken, in order. */
  get told(): string[] {
    return this.server.taken.map(({ payload }) => String(payload.text ?? payload.caption))
  }

  async strike(): Promise<void> {
    for (const channel of this.#channels) channel.close()
    await this.server.stop()
  }
}

/** The same knowledge without a database, for one process. */
class MemoryChats implements TelegramChats {
  readonly unreachables = new Map<string, string>()
  readonly migrations = new Map<string, string>()
  readonly pauses: number[] = []
  outages = 0
  passes = 0
  readonly turns: string[] = []
  /** Answers before anything that is known. */
  answer: () => Turn | undefined | Promise<never> = () => undefined

  async take(asked: string): Promise<Turn> {
    const given = await this.answer()
    if (given !== undefined) return given
    const chatId = this.migrations.get(asked) ?? asked
    this.turns.push(chatId)
    const errorClass = this.unreachables.get(chatId)
    return errorClass === undefined
      ? { kind: 'go', chatId }
      : { kind: 'unreachable', errorClass, reason: 'as Telegram said' }
  }

  async pause(forMs: number): Promise<void> {
    this.pauses.push(forMs)
  }

  async outage(): Promise<number> {
    this.outages += 1
    return 60_000 * this.outages
  }

  async passed(): Promise<void> {
    this.passes += 1
    this.outages = 0
  }

  async unreachable(chatId: string, errorClass: string): Promise<void> {
    this.unreachables.set(chatId, errorClass)
  }

  async migrate(from: string, to: string): Promise<void> {
    this.migrations.set(from, to)
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../db/pool.ts'
import type { ChannelPause } from '../notifications/channel-pause.ts'
import { ChatStore } from './chat-store.ts'
import type { TelegramChats, Turn } from './telegram-chats.ts'
import { type BookedTurn, furthestTurnMs, type SendLimits, TurnStore } from './turn-store.ts'

export interface SharedChatsOptions {
  readonly database: Database
  readonly limits: SendLimits
  /** Of the whole channel. */
  readonly pause: ChannelPause
  readonly log: Logger
}

/** As the database has room for; Telegram's are far shorter. */
const longestChatId = 100
/** Who asks waits so long for the turn, all in all. */
const longestWaitMs = 2 * furthestTurnMs
/** Who wakes up later than this for a turn lets it pass: a process that stood still must not send all that is late at once. */
const latestMs = 50
/** So long before the turn it is seen whether a pause has begun since it was given out. */
const lastLookMs = 25

/**
 * The bot's chats as all processes know them, through the database. No limit is passed whatever the processes do, where messages
 * leave at once when it is their turn: within no second more than `perSecond`, and likewise for each chat.
 */
export class SharedChats implements TelegramChats {
  readonly #turns: TurnStore
  readonly #chats: ChatStore
  readonly #pause: ChannelPause
  readonly #log: Logger
  /** How far the database's clock is ahead of this process's monotonic one, as the quickest answer has shown. */
  #aheadMs = Number.NEGATIVE_INFINITY
  #sawStrikes = false

  constructor({ database, limits, pause, log }: SharedChatsOptions) {
    this.#turns = new TurnStore(database, limits)
    this.#chats = new ChatStore(database)
    this.#pause = pause
    this.#log = log
  }

  async take(chatId: string): Promise<Turn> {
    if (chatId.length > longestChatId) return unreachable('chat_not_found', 'no chat has an id as long as that')
    const until = performance.now() + longestWaitMs
    let id = chatId
    for (let missed = 0; ; ) {
      const turn = await this.#turns.book(id)
      const answeredAt = performance.now()
      if (turn === undefined) {
        await this.#turns.addChat(id)
        continue
      }
      this.#sawStrikes = turn.strikes > 0
      if (turn.migratedTo !== null) {
        id = turn.migratedTo
        continue
      }
      if (turn.unreachableClass !== null) return unreachable(turn.unreachableClass, turn.unreachableReason)
      const mustWaitMs = turn.booked ? 0 : turn.waitMs
      if (answeredAt + mustWaitMs > until) return { kind: 'later', delayMs: Math.ceil(turn.waitMs) }
      const aheadMs = this.#readClock(turn.nowMs - answeredAt, missed)
      if (!turn.booked) await sleepUntil(answeredAt + turn.waitMs)
      else if (await this.#isReached(turn, answeredAt, aheadMs)) return { kind: 'go', chatId: id }
      else missed += 1
    }
  }

  async pause(forMs: number, reason: string): Promise<void> {
    await this.#pause.pause(forMs, reason)
  }

  async outage(reason: string): Promise<number> {
    this.#sawStrikes = true
    return this.#pause.outage(reason)
  }

  /** Asks the database only where the last turn has shown that there was an outage. */
  async passed(): Promise<void> {
    if (!this.#sawStrikes) return
    await this.#pause.passed()
    this.#sawStrikes = false
  }

  async unreachable(chatId: string, errorClass: string, reason: string): Promise<void> {
    if (await this.#chats.markUnreachable(chatId, errorClass, reason)) {
      this.#log.warn({ chatId, errorClass, reason }, 'a chat cannot be reached')
    }
  }

  /** Something came from there. */
  async reachable(chatId: string): Promise<void> {
    await this.#chats.markReachable(chatId)
  }

  async migrate(from: string, to: string): Promise<void> {
    const companies = await this.#chats.migrate(from, to)
    this.#log.info({ from, to, companies }, 'a group has become a supergroup')
  }

  /** A clock that seems wrong twice in a row has been set, or has drifted: then the last answer alone counts. */
  #readClock(shownMs: number, missed: number): number {
    this.#aheadMs = missed > 1 ? shownMs : Math.max(this.#aheadMs, shownMs)
    return this.#aheadMs
  }

  /** Waits for the turn; false when it has passed, or a pause has come before it. */
  async #isReached({ turnMs, waitMs }: BookedTurn, answeredAt: number, aheadMs: number): Promise<boolean> {
    const at = answeredAt + waitMs
    if (waitMs > lastLookMs) {
      await sleepUntil(at - lastLookMs)
      if (await this.#turns.pausesAt(turnMs)) return false
    }
    await sleepUntil(at)
    return performance.now() + aheadMs - turnMs <= latestMs
  }
}

function unreachable(errorClass: string, reason: string | null): Turn {
  return { kind: 'unreachable', errorClass, reason: reason ?? 'nothing gets there' }
}

/** Never too early, as a timer alone may be by a fraction of a millisecond. */
async function sleepUntil(at: number): Promise<void> {
  for (let leftMs = at - performance.now(); leftMs > 0; leftMs = at - performance.now()) await delay(Math.ceil(leftMs))
}

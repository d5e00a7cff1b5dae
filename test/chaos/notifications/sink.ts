import { setTimeout as delay } from 'node:timers/promises'
import { type BotAnswer, botAnswers } from '../../support/bot-api-answers.ts'
import { type BotApiServer, type BotRequest, startBotApiServer } from '../../support/bot-api-server.ts'
import type { Sink } from '../sink.ts'
import { keyOf, piecesIn } from './pieces.ts'

/** What goes wrong with requests. */
export interface BotTrouble {
  /** So often: 1 for always. */
  readonly share: number
  /** Instead of the usual; silence lasts until it behaves. `cut`: the connection is reset while the request comes in. */
  readonly answer: BotAnswer | 'cut'
  /** Of the requests those alone that bring such a piece. */
  readonly only?: (piece: string) => boolean
}

/** The longest that the server thinks about a request; half of it on average. */
const longestThinkMs = 12

/** A Bot API server that counts what it has taken, and misbehaves to order. */
export class BotSink implements Sink {
  /** In [0, 1). */
  readonly #chance: () => number
  readonly #stalled = new Set<(end: 'wake' | 'cut') => void>()
  readonly #underWay = new Map<string, number>()
  #server: BotApiServer | undefined
  #trouble: BotTrouble | undefined
  readonly deliveries = new Map<string, Map<string, number>>()
  readonly refused = new Set<string>()
  accepted = 0
  /** Every piece, in the order in which they were taken first. */
  readonly sequence: string[] = []
  /** Chats that were written to while another request for them was under way. */
  readonly crowded: string[] = []

  constructor(chance: () => number) {
    this.#chance = chance
  }

  async start(): Promise<void> {
    this.#server = await startBotApiServer({
      script: (request, gone) => this.#handle(request, gone),
      onHead: ({ socket }) => {
        if (this.#trouble?.answer === 'cut' && this.#chance() < this.#trouble.share) socket.resetAndDestroy()
      },
    })
  }

  async stop(): Promise<void> {
    await this.#server?.stop()
  }

  /** What a worker needs to know to come here. */
  get environment(): Readonly<Record<string, string>> {
    const { token = '', apiRoot = '' } = this.#server ?? {}
    return { TELEGRAM_BOT_TOKEN: token, TELEGRAM_API_ROOT: apiRoot }
  }

  get stalled(): number {
    return this.#stalled.size
  }

  misbehave(trouble: BotTrouble): void {
    this.#trouble = trouble
  }

  stallAnswers(): void {
    this.misbehave({ share: 1, answer: botAnswers.silenceAfter })
  }

  /** Where it does not wake up what has stalled it cuts the connection. */
  behave({ wake }: { readonly wake: boolean }): void {
    this.#trouble = undefined
    for (const end of this.#stalled) end(wake ? 'wake' : 'cut')
  }

  async #handle(request: BotRequest, gone: AbortSignal): Promise<BotAnswer | undefined> {
    const { method, chatId } = request
    if (!method.startsWith('send')) return undefined
    const others = this.#underWay.get(chatId) ?? 0
    if (others > 0) this.crowded.push(chatId)
    this.#underWay.set(chatId, others + 1)
    try {
      return await this.#answer(request, gone)
    } finally {
      this.#underWay.set(chatId, (this.#underWay.get(chatId) ?? 0) - 1)
    }
  }

  async #answer(request: BotRequest, gone: AbortSignal): Promise<BotAnswer | undefined> {
    const pieces = piecesIn(request.payload.text)
    const answer = this.#troubleWith(pieces)
    if (answer === undefined || answer === 'cut') {
      this.#accept(pieces)
      await delay(this.#chance() * longestThinkMs)
      return undefined
    }
    const taken = 'taken' in answer && answer.taken === true
    if (taken) this.#accept(pieces)
    if ('status' in answer && (answer.status === 400 || answer.status === 403)) this.#refuse(pieces, request.chatId)
    if (!('act' in answer) || answer.act === 'reset') return answer
    const end = await this.#stall(gone)
    if (end === 'cut' || gone.aborted) return { act: 'reset', taken }
    if (!taken) this.#accept(pieces)
    return undefined
  }

  #troubleWith(pieces: readonly string[]): BotTrouble['answer'] | undefined {
    const { answer, share = 0, only = () => true } = this.#trouble ?? {}
    return pieces.some(only) && this.#chance() < share ? answer : undefined
  }

  /** Resolves when the server behaves again, or the client has gone. */
  async #stall(gone: AbortSignal): Promise<'wake' | 'cut'> {
    const { promise, resolve } = Promise.withResolvers<'wake' | 'cut'>()
    this.#stalled.add(resolve)
    gone.addEventListener('abort', () => resolve('cut'))
    const end = await promise
    this.#stalled.delete(resolve)
    return end
  }

  #accept(pieces: readonly string[]): void {
    this.accepted += 1
    for (const piece of pieces) {
      const counts = this.deliveries.get(keyOf(piece)) ?? new Map<string, number>()
      this.deliveries.set(keyOf(piece), counts)
      if (!counts.has(piece)) this.sequence.push(piece)
      counts.set(piece, (counts.get(piece) ?? 0) + 1)
    }
  }

  #refuse(pieces: readonly string[], chatId: string): void {
    for (const what of [...pieces, `chat ${chatId}`]) this.refused.add(what)
  }
}

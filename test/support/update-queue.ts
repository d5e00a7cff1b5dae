import { type BotAnswer, refusal } from './bot-api-answers.ts'

type Update = Readonly<Record<string, unknown>> & { readonly update_id: number }

/** Telegram's side of `getUpdates`: keeps what was not confirmed yet, lets one poller wait, and turns the other away. */
export class UpdateQueue {
  #pending: Update[] = []
  #lastId = 1_000
  #end: ((answer: BotAnswer) => void) | undefined
  conflicts = 0

  push(update: Readonly<Record<string, unknown>>): void {
    this.#lastId += 1
    this.#pending.push({ ...update, update_id: this.#lastId })
    this.#end?.(this.#answer())
  }

  /** As Telegram does it: the newer poller stays, the older one hears of the conflict. `gone` when the poller has hung up. */
  async poll(payload: Readonly<Record<string, unknown>>, gone: AbortSignal): Promise<BotAnswer> {
    const offset = Number(payload.offset ?? 0)
    this.#pending = this.#pending.filter(({ update_id }) => update_id >= offset)
    if (this.#end !== undefined) {
      this.conflicts += 1
      this.#end(refusal(409, 'Conflict: terminated by other getUpdates request'))
    }
    const waitMs = 1_000 * Number(payload.timeout ?? 0)
    if (this.#pending.length > 0 || waitMs === 0) return this.#answer()
    const { promise, resolve } = Promise.withResolvers<BotAnswer>()
    const giveUp = () => resolve(this.#answer())
    const timer = setTimeout(giveUp, waitMs)
    gone.addEventListener('abort', giveUp)
    this.#end = resolve
    const answer = await promise
    clearTimeout(timer)
    if (this.#end === resolve) this.#end = undefined
    return answer
  }

  #answer(): BotAnswer {
    return { status: 200, body: { ok: true, result: this.#pending.slice(0, 100) } }
  }
}

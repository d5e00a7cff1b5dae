import type { Logger } from 'pino'

const growEveryMs = 5_000

/** How many connections the mail server seems to take: fewer when it turns some away, one more every five seconds. */
export class LaneLimit {
  readonly #most: number
  readonly #log: Logger
  #current: number
  #growing: NodeJS.Timeout | undefined

  constructor(most: number, log: Logger) {
    this.#most = most
    this.#current = most
    this.#log = log
  }

  get current(): number {
    return this.#current
  }

  /** One was turned away while this many work. */
  shrinkTo(working: number): void {
    const fewer = Math.max(1, Math.min(this.#current, working))
    if (fewer === this.#current) return
    this.#current = fewer
    this.#log.info({ connections: fewer }, 'the mail server turns connections away; using fewer')
    this.#growing ??= setInterval(() => this.#grow(), growEveryMs)
  }

  /** Nothing is known of a limit (any more). */
  reset(): void {
    this.#current = this.#most
    clearInterval(this.#growing)
    this.#growing = undefined
  }

  #grow(): void {
    this.#current += 1
    if (this.#current >= this.#most) this.reset()
  }
}

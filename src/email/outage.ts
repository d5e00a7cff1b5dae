import type { Logger } from 'pino'

export interface OutageOptions {
  /** Connections at most. */
  readonly lanes: number
  /** Tries to connect and log in; true when that works. */
  readonly probe: () => Promise<boolean>
  /** Told when rows may be claimed again. */
  readonly onReady: () => void
  readonly log: Logger
  /** The first pause, in milliseconds; it doubles with each failed try, up to a minute. */
  readonly firstPauseMs?: number
}

type State =
  | { readonly kind: 'clear' }
  | { readonly kind: 'out'; readonly since: number; readonly pauseMs: number; readonly timer: NodeJS.Timeout }
  /** A probe got through: one row at a time until one is taken. */
  | { readonly kind: 'trying'; readonly since: number; readonly pauseMs: number }

const longestPauseMs = 60_000
const growEveryMs = 5_000

/**
 * Says how many connections may be used now. While the mail server takes nothing from us claiming pauses, and goes on by itself when a
 * probe gets through; a server that turns some connections away while others work only gets fewer.
 */
export class Outage {
  readonly #options: OutageOptions
  #state: State = { kind: 'clear' }
  #lanes: number
  #growing: NodeJS.Timeout | undefined

  constructor(options: OutageOptions) {
    this.#options = options
    this.#lanes = options.lanes
  }

  /** Rows that may be in hand now: 0 during an outage. */
  get capacity(): number {
    if (this.#state.kind === 'out') return 0
    return this.#state.kind === 'trying' ? 1 : this.#lanes
  }

  /** The pause before the next try, in milliseconds; 0 when there is no outage. */
  get pauseMs(): number {
    return this.#state.kind === 'clear' ? 0 : this.#state.pauseMs
  }

  /** Mail gets through. */
  passed(): void {
    if (this.#state.kind === 'clear') return
    const { since } = this.#state
    this.#clearTimer()
    this.#state = { kind: 'clear' }
    this.#options.log.info({ lastedMs: Math.round(performance.now() - since) }, 'outage over: mail gets through')
    this.#options.onReady()
  }

  /** One connection was turned away while this many others work. */
  fewer(working: number): void {
    this.#lanes = Math.max(1, Math.min(this.#lanes - 1, working))
    this.#options.log.info({ connections: this.#lanes }, 'the mail server turns connections away; using fewer')
    this.#growing ??= setInterval(() => this.#grow(), growEveryMs)
  }

  /** The server takes nothing from us. */
  began(reason: string): void {
    const state = this.#state
    if (state.kind === 'out') return
    if (state.kind === 'trying') {
      this.#pause(state.since, this.#longer(state.pauseMs))
      return
    }
    const pauseMs = this.#options.firstPauseMs ?? 1_000
    this.#options.log.warn({ reason, pauseMs }, 'outage: claiming pauses until mail gets through')
    this.#pause(performance.now(), pauseMs)
  }

  /** Ends all timers. */
  stop(): void {
    this.#clearTimer()
    clearInterval(this.#growing)
  }

  #pause(since: number, pauseMs: number): void {
    this.#clearTimer()
    const timer = setTimeout(() => void this.#tryAgain(), pauseMs)
    this.#state = { kind: 'out', since, pauseMs, timer }
  }

  async #tryAgain(): Promise<void> {
    const through = await this.#options.probe()
    if (this.#state.kind !== 'out') return
    const { since, pauseMs } = this.#state
    if (!through) return this.#pause(since, this.#longer(pauseMs))
    this.#state = { kind: 'trying', since, pauseMs }
    this.#options.onReady()
  }

  #longer(pauseMs: number): number {
    return Math.min(longestPauseMs, pauseMs * 2)
  }

  #clearTimer(): void {
    if (this.#state.kind === 'out') clearTimeout(this.#state.timer)
  }

  #grow(): void {
    this.#lanes += 1
    if (this.#lanes < this.#options.lanes) return
    this.#lanes = this.#options.lanes
    clearInterval(this.#growing)
    this.#growing = undefined
  }
}

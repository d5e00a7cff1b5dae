import type { Logger } from 'pino'
import type { OutageNow } from '../runtime/vitals.ts'

export interface OutageOptions {
  /** Tries to connect and log in; true when that works. */
  readonly probe: () => Promise<boolean>
  /** Told when rows may be claimed again. */
  readonly onReady: () => void
  /** Told when an outage has begun or is over. */
  readonly onChange: () => void
  readonly log: Logger
  /** The first pause, in milliseconds; it doubles with each failed try, up to a minute. */
  readonly firstPauseMs?: number
}

/** Since when it lasts, by the monotonic clock, and what the server said when it began. */
interface Lasting {
  readonly since: number
  readonly reason: string
  readonly pauseMs: number
}

type State =
  | { readonly kind: 'clear' | 'stopped' }
  | (Lasting & { readonly kind: 'out'; readonly timer: NodeJS.Timeout })
  /** A probe got through: one row at a time until one is taken. */
  | (Lasting & { readonly kind: 'trying' })

const longestPauseMs = 60_000

/** While the mail server takes nothing from us claiming pauses; it goes on by itself when a probe gets through. */
export class Outage {
  readonly #options: OutageOptions
  #state: State = { kind: 'clear' }
  #beganAt = Number.NEGATIVE_INFINITY

  constructor(options: OutageOptions) {
    this.#options = options
  }

  /** Rows that may be in hand now. */
  get capacity(): number {
    if (this.#state.kind === 'out') return 0
    return this.#state.kind === 'trying' ? 1 : Number.POSITIVE_INFINITY
  }

  /** The pause before the next try, in milliseconds; 0 when there is no outage. */
  get pauseMs(): number {
    return 'pauseMs' in this.#state ? this.#state.pauseMs : 0
  }

  /** The outage that goes on. */
  get current(): OutageNow | undefined {
    if (!('since' in this.#state)) return undefined
    const { since, reason } = this.#state
    return { since: new Date(Date.now() - (performance.now() - since)), reason }
  }

  /** Whether an outage goes on, or began after this moment of the monotonic clock. */
  touched(since: number): boolean {
    return 'since' in this.#state || this.beganAfter(since)
  }

  beganAfter(since: number): boolean {
    return this.#beganAt > since
  }

  /** Mail gets through. */
  passed(): void {
    if (!('since' in this.#state)) return
    const { since } = this.#state
    this.#become({ kind: 'clear' })
    this.#options.onChange()
    this.#options.log.info({ lastedMs: Math.round(performance.now() - since) }, 'outage over: mail gets through')
    this.#options.onReady()
  }

  /** The server takes nothing from us. */
  began(reason: string): void {
    if (this.#state.kind === 'trying') {
      this.#pause(this.#state, longer(this.#state.pauseMs))
    } else if (this.#state.kind === 'clear') {
      const pauseMs = this.#options.firstPauseMs ?? 1_000
      this.#options.log.warn({ reason, pauseMs }, 'outage: claiming pauses until mail gets through')
      this.#beganAt = performance.now()
      this.#pause({ since: this.#beganAt, reason }, pauseMs)
      this.#options.onChange()
    }
  }

  /** Ends all trying for good. */
  stop(): void {
    this.#become({ kind: 'stopped' })
  }

  #pause({ since, reason }: Omit<Lasting, 'pauseMs'>, pauseMs: number): void {
    const timer = setTimeout(() => void this.#tryAgain(), pauseMs)
    this.#become({ kind: 'out', since, reason, pauseMs, timer })
  }

  async #tryAgain(): Promise<void> {
    const state = this.#state
    const through = await this.#options.probe().catch(() => false)
    // Mail may have passed, another outage begun or the worker stopped meanwhile: then this answer is old.
    if (this.#state !== state || state.kind !== 'out') return
    if (!through) {
      this.#pause(state, longer(state.pauseMs))
      return
    }
    const { since, reason, pauseMs } = state
    this.#become({ kind: 'trying', since, reason, pauseMs })
    this.#options.onReady()
  }

  #become(state: State): void {
    if (this.#state.kind === 'out') clearTimeout(this.#state.timer)
    this.#state = state
  }
}

function longer(pauseMs: number): number {
  return Math.min(longestPauseMs, pauseMs * 2)
}

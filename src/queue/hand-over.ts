import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Lease } from './lease.ts'
import type { Claim } from './leased-table.ts'
import type { Pace } from './pace.ts'

export interface HandOverOptions {
  /** Makes the hand-overs durable; answers the tokens of the rows that are still this worker's. */
  readonly mark: (claims: readonly Claim[]) => Promise<ReadonlySet<string>>
  /** How many rows may be handed over with no outcome recorded: what may come twice when the process is killed. */
  readonly most: number
  /** How many rows are being worked on: those who ask among them, and those who may ask within moments. */
  readonly atWork: () => number
  readonly pace: Pace
  readonly log: Logger
}

interface Asking {
  readonly lease: Lease<Claim>
  readonly answer: (mayGo: boolean) => void
}

const firstRetryMs = 50
const lastRetryMs = 1_000
const longestWaitMs = 10_000
/** A statement waits so long for a quarter of those at work, where another one is likely to come meanwhile. */
const lingerMs = 2
const share = 4

/**
 * Nothing is handed over before it is durable that it is. All who are ready share one statement: whoever asks while one runs goes
 * into the next. While the database is out of reach they wait a few seconds: no longer than a mail server waits for a message.
 */
export class HandOver {
  readonly #options: HandOverOptions
  readonly #open = new Set<string>()
  readonly #givenUp = new AbortController()
  #asking: Asking[] = []
  #marking = false
  #goOn: () => void = () => {}

  constructor(options: HandOverOptions) {
    this.#options = options
  }

  /** True when the row may be handed over, at once: then the database knows. False: it must not be, or never by this claim. */
  ask(lease: Lease<Claim>): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#asking.push({ lease, answer: resolve })
    if (this.#isWorthMarking()) this.#goOn()
    void this.#markAll()
    return promise
  }

  /** Nothing more may be handed over before outcomes are recorded. */
  get isFull(): boolean {
    return this.#open.size >= this.#options.most
  }

  /** The outcome is recorded, or never will be. */
  settled({ token }: Claim): void {
    if (this.#open.delete(token) && this.#asking.length > 0) void this.#markAll()
  }

  /** Answers no to everybody, now and from now on. */
  giveUp(): void {
    this.#givenUp.abort()
    this.#goOn()
    void this.#markAll()
  }

  async #markAll(): Promise<void> {
    if (this.#marking) return
    this.#marking = true
    await this.#gather()
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      await this.#mark(batch)
      await this.#gather()
    }
    this.#marking = false
  }

  #isWorthMarking(): boolean {
    const { atWork, pace } = this.#options
    return this.#asking.length * share >= atWork() || pace.rowsIn(lingerMs) < 1
  }

  /** Those that become ready in the same turn of the event loop share a statement at least. */
  async #gather(): Promise<void> {
    await Promise.resolve()
    if (this.#asking.length === 0 || this.#isWorthMarking() || this.#givenUp.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#goOn = resolve
    const timer = setTimeout(resolve, lingerMs)
    await promise
    clearTimeout(timer)
  }

  #take(): Asking[] {
    const room = this.#givenUp.signal.aborted ? this.#asking.length : this.#options.most - this.#open.size
    return this.#asking.splice(0, Math.max(0, room))
  }

  async #mark(batch: readonly Asking[]): Promise<void> {
    const marked = await this.#persist(batch.map(({ lease }) => lease))
    for (const { lease, answer } of batch) {
      const mayGo = marked.has(lease.row.token) && !lease.lost() && !this.#givenUp.signal.aborted
      if (mayGo) this.#open.add(lease.row.token)
      answer(mayGo)
    }
  }

  async #persist(leases: readonly Lease<Claim>[]): Promise<ReadonlySet<string>> {
    const until = performance.now() + longestWaitMs
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(lastRetryMs, retryMs * 2)) {
      const held = leases.filter((lease) => !lease.lost())
      if (held.length === 0 || this.#givenUp.signal.aborted || performance.now() > until) return new Set()
      try {
        return await this.#options.mark(held.map(({ row }) => row))
      } catch (err) {
        if (retryMs === firstRetryMs) {
          this.#options.log.warn({ err, rows: held.length }, 'cannot record a hand-over; trying again')
        }
        await delay(retryMs, undefined, { signal: this.#givenUp.signal }).catch(() => {})
      }
    }
  }
}

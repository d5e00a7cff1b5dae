import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { AttemptResult } from './leased-table.ts'
import type { Recorded } from './outcome-record.ts'
import type { Settlement } from './settlement.ts'

interface Waiting {
  readonly result: AttemptResult
  readonly done: () => void
}

export interface RecorderOptions {
  readonly write: (results: readonly AttemptResult[]) => Promise<Recorded>
  /** Outcomes that may still come within moments: 0 when nothing is gained by waiting for them. */
  readonly expected: () => number
  readonly log: Logger
}

const firstRetryMs = 100
const lastRetryMs = 1_000
/** When trying again has taken so long between two tries, one row may be keeping the others back. */
const patienceMs = 400
/** A commit costs as much as a dozen rows: so long an outcome waits for others to share one, and no longer than there are so many. */
const lingerMs = 20
const enough = 32

/**
 * Writes outcomes down, those that come within moments of each other in one statement: the faster they come, the less each costs.
 * While the database is out of reach it keeps trying: an outcome that is known is not dropped.
 */
export class Recorder {
  readonly #options: RecorderOptions
  readonly #givenUp = new AbortController()
  #waiting: Waiting[] = []
  #writing = false
  #goOn: () => void = () => {}
  #lost = 0

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  /** Resolves when the outcome is durable, or was refused because the row is no longer this claim's. */
  record(result: AttemptResult): Promise<void> {
    return new Promise((done) => this.#enqueue({ result, done }))
  }

  /** Outcomes that could not be written. */
  get lost(): number {
    return this.#lost
  }

  /** Ends the trying: what cannot be written now stays with its lease, and is logged. */
  giveUp(): void {
    this.#givenUp.abort()
  }

  #enqueue(waiting: Waiting): void {
    this.#waiting.push(waiting)
    if (this.#isWorthWriting()) this.#goOn()
    if (!this.#writing) void this.#flush()
  }

  #isWorthWriting(): boolean {
    return this.#waiting.length >= enough || this.#options.expected() === 0
  }

  async #gather(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#goOn = resolve
    const timer = setTimeout(resolve, lingerMs)
    if (this.#isWorthWriting()) resolve()
    await promise
    clearTimeout(timer)
  }

  async #flush(): Promise<void> {
    this.#writing = true
    while (this.#waiting.length > 0) {
      await this.#gather()
      const batch = this.#waiting
      this.#waiting = []
      const locked = new Set(await this.#persist(batch.map(({ result }) => result)))
      for (const waiting of batch) {
        if (locked.has(waiting.result)) void this.#tryLater(waiting)
        else waiting.done()
      }
    }
    this.#writing = false
  }

  /** Answers the results that are to be tried later: their rows are locked, or something in the database refuses them alone. */
  async #persist(results: readonly AttemptResult[]): Promise<readonly AttemptResult[]> {
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(lastRetryMs, retryMs * 2)) {
      try {
        const { fenced, locked } = await this.#options.write(results)
        if (fenced.length > 0) {
          this.#options.log.warn({ ids: fenced }, 'outcome not recorded: the row was cancelled or rescued meanwhile')
        }
        return locked
      } catch (err) {
        if (isRefusedData(err)) return this.#persistOneByOne(results, err)
        if (this.#givenUp.signal.aborted) return this.#abandon(results, err)
        if (retryMs >= patienceMs && isAboutRow(err)) return results.length > 1 ? this.#oneByOne(results) : results
        // That a partition is being made is nothing to tell of, unless it stays so.
        if (retryMs === (isOfPartition(err) ? 2 * firstRetryMs : firstRetryMs))
          this.#options.log.warn({ err, outcomes: results.length }, 'cannot record outcomes; trying again')
        await this.#pause(retryMs)
      }
    }
  }

  /** An outcome that PostgreSQL cannot hold must not take others with it, and is itself recorded as far as it can be. */
  async #persistOneByOne(results: readonly AttemptResult[], err: unknown): Promise<readonly AttemptResult[]> {
    const [only] = results
    if (results.length > 1) return this.#oneByOne(results)
    if (only === undefined || Object.keys(only.details).length === 0) return this.#abandon(results, err)
    this.#options.log.error({ err, id: only.id }, 'recorded without its details, which the database refused')
    const entry = only.entry && { ...only.entry, reply: undefined, transport: undefined }
    const settlement = withoutDetails(only.settlement)
    const locked = await this.#persist([{ ...only, settlement, entry, details: {}, delivered: {} }])
    return locked.length > 0 ? [only] : []
  }

  async #oneByOne(results: readonly AttemptResult[]): Promise<readonly AttemptResult[]> {
    const later = []
    for (const result of results) later.push(...(await this.#persist([result])))
    return later
  }

  /** Another program has the row locked, or a trigger of its own refuses it; the lease is renewed meanwhile. */
  async #tryLater(waiting: Waiting): Promise<void> {
    await this.#pause(firstRetryMs)
    if (!this.#givenUp.signal.aborted) return this.#enqueue(waiting)
    this.#abandon([waiting.result], new Error('The row is locked by another program'))
    waiting.done()
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#givenUp.signal }).catch(() => {})
  }

  #abandon(results: readonly AttemptResult[], err: unknown): readonly AttemptResult[] {
    this.#lost += results.length
    for (const { id, settlement } of results) {
      this.#options.log.error(
        { err, id, status: settlement.status },
        'outcome lost; the lease will run out and the row be rescued',
      )
    }
    return []
  }
}

/** What is handed on is its details: without them there is nothing that another queue could send. */
function withoutDetails(settlement: Settlement): Settlement {
  const reason = 'The database refused the details'
  if (settlement.status === 'sending') return { status: 'failed', errorClass: 'internal', reason }
  return 'reason' in settlement ? { ...settlement, reason } : settlement
}

/** SQLSTATE classes 22 and 23: this data will never do. Anything else may pass with time. */
function isRefusedData(err: unknown): boolean {
  return /^2[23]...$/.test(codeOf(err)) && !isOfPartition(err)
}

/**
 * A check without a name is that of a partition: the ledger's for this month was made while the row was on its way into another one. The
 * next try finds it.
 */
function isOfPartition(err: unknown): boolean {
  return codeOf(err) === '23514' && err instanceof Error && (!('constraint' in err) || err.constraint === undefined)
}

/** An exception of a trigger, a lock that is not to be had, a missing right or column, an internal error: perhaps about one row only. */
function isAboutRow(err: unknown): boolean {
  return /^(P0|42|44|55|XX)...$/.test(codeOf(err))
}

function codeOf(err: unknown): string {
  return err instanceof Error && 'code' in err && typeof err.code === 'string' ? err.code : ''
}

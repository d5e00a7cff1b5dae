import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { AttemptResult } from './leased-table.ts'

interface Waiting {
  readonly result: AttemptResult
  readonly done: () => void
}

const firstRetryMs = 100
const lastRetryMs = 5_000

/**
 * Writes outcomes down: whatever has come in while one statement runs goes into the next, so the faster outcomes come the fewer
 * statements each costs, and none waits for company. While the database is out of reach it keeps trying: an outcome that is known is
 * not dropped.
 */
export class Recorder {
  readonly #write: (results: readonly AttemptResult[]) => Promise<{ fenced: number[] }>
  readonly #log: Logger
  #waiting: Waiting[] = []
  #writing = false
  #givenUp = false
  #idle: Promise<void> = Promise.resolve()

  constructor(write: (results: readonly AttemptResult[]) => Promise<{ fenced: number[] }>, log: Logger) {
    this.#write = write
    this.#log = log
  }

  /** Resolves when the outcome is durable, or was refused because the row is no longer this claim's. */
  record(result: AttemptResult): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ result, done })
      if (!this.#writing) this.#idle = this.#flush()
    })
  }

  /** Resolves when nothing is left to write: rows recorded together free their lanes together, and the next claim takes them all. */
  get idle(): Promise<void> {
    return this.#idle
  }

  /** Ends the trying: what cannot be written now stays with its lease, and is logged. */
  giveUp(): void {
    this.#givenUp = true
  }

  async #flush(): Promise<void> {
    this.#writing = true
    // Let outcomes that are ready in this very turn of the event loop share the first statement too.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      await this.#persist(batch.map((waiting) => waiting.result))
      for (const { done } of batch) done()
    }
    this.#writing = false
  }

  async #persist(results: readonly AttemptResult[]): Promise<void> {
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(lastRetryMs, retryMs * 2)) {
      try {
        const { fenced } = await this.#write(results)
        if (fenced.length > 0) {
          this.#log.warn({ ids: fenced }, 'outcome not recorded: the row was cancelled or rescued meanwhile')
        }
        return
      } catch (err) {
        if (isRefusedData(err)) return this.#persistOneByOne(results, err)
        if (this.#givenUp) return this.#abandon(results, err)
        if (retryMs === firstRetryMs)
          this.#log.warn({ err, outcomes: results.length }, 'cannot record outcomes; trying again')
        await delay(retryMs)
      }
    }
  }

  /** An outcome that PostgreSQL cannot hold must not take others with it, and is itself recorded without its details. */
  async #persistOneByOne(results: readonly AttemptResult[], err: unknown): Promise<void> {
    const [only] = results
    if (results.length > 1) {
      for (const result of results) await this.#persist([result])
    } else if (only !== undefined && Object.keys(only.details).length > 0) {
      this.#log.error({ err, id: only.id }, 'recorded without its details, which the database refused')
      await this.#persist([{ ...only, details: {}, delivered: {} }])
    } else {
      this.#abandon(results, err)
    }
  }

  #abandon(results: readonly AttemptResult[], err: unknown): void {
    for (const { id, settlement } of results) {
      this.#log.error(
        { err, id, status: settlement.status },
        'outcome lost; the lease will run out and the row be rescued',
      )
    }
  }
}

/** SQLSTATE classes 22 and 23: this data will never do. Anything else may pass with time. */
function isRefusedData(err: unknown): boolean {
  return err instanceof Error && 'code' in err && typeof err.code === 'string' && /^2[23]...$/.test(err.code)
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { DB } from '../../src/db/schema.ts'
import type { Produce, Queue } from './queue.ts'
import type { Random } from './random.ts'

const retryMs = 100

/** Rows that keep arriving as other programs write them. */
export class Load {
  readonly #rate: Queue['rate']
  readonly #produce: Produce
  readonly #random: Random
  readonly #stopping = new AbortController()
  #ended: Promise<void> = Promise.resolve()
  /** Rows whose INSERT the database has confirmed: none of them may be missing, whatever happens to it. */
  readonly confirmed: number[] = []

  constructor({ rate, createProducer }: Queue, db: Kysely<DB>, random: Random) {
    this.#rate = rate
    this.#produce = createProducer(db, random)
    this.#random = random
  }

  start(): void {
    this.#ended = this.#keepInserting()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#ended
  }

  /** Many at once. */
  async burst(count: number): Promise<void> {
    this.confirmed.push(...(await this.#produce(count)))
  }

  async #keepInserting(): Promise<void> {
    const { signal } = this.#stopping
    const { most, everyMs } = this.#rate
    while (!signal.aborted) {
      // Its database may be down: that is what is tried here.
      const pauseMs = await this.burst(this.#random.int(1, most)).then(
        () => everyMs,
        () => retryMs,
      )
      await delay(pauseMs, undefined, { signal }).catch(() => {})
    }
  }
}

import type { Logger } from 'pino'
import { coalesce } from '../runtime/coalesce.ts'
import { type Loop, startLoop } from '../runtime/loop.ts'
import type { AttemptResult, Claim, LeasedTable } from './leased-table.ts'
import { Recorder } from './recorder.ts'

/** A claimed row and how long it may be worked on. */
export interface Lease<Row extends Claim> {
  readonly row: Row
  /** True once the lease has run out or passed to another: what has not been handed over must not be any more. */
  lost(): boolean
}

export interface DrainOptions<Row extends Claim> {
  readonly table: LeasedTable<Row>
  /** The most rows in hand at once. */
  readonly concurrency: number
  readonly leaseSeconds: number
  readonly pollSeconds: number
  /** How many rows could be started now, besides `concurrency`: 0 during an outage. */
  readonly capacity: () => number
  /** Does the attempt and decides. What it throws is a bug: it is logged and counts as an attempt. */
  readonly work: (lease: Lease<Row>) => Promise<AttemptResult>
  /** What is recorded when `work` throws. */
  readonly onBug: (row: Row, error: unknown) => AttemptResult
  readonly log: Logger
}

export interface PassResult {
  readonly claimed: number
  readonly expired: number
}

interface Held<Row extends Claim> extends Lease<Row> {
  expiresAt: number
}

const longestPassMs = 30_000
const tidyEveryMs = 5_000

/**
 * Keeps a leased table empty: claims what is due as lanes come free, has it worked on, records the outcomes, renews the leases of what
 * takes long and rescues what other workers left behind. It has no more rows in hand than can be started at once, so an urgent row
 * waits for one lane at most.
 */
export class Drain<Row extends Claim> {
  readonly #options: DrainOptions<Row>
  readonly #recorder: Recorder
  readonly #inHand = new Map<string, Held<Row>>()
  readonly #loops: Loop[] = []
  readonly #coalesced: () => Promise<PassResult>
  #pass: Promise<unknown> = Promise.resolve()
  /** A lane has come free, or there is nothing to wait for any more. */
  #nudged = Promise.withResolvers<void>()
  /** The pass in progress has to end. */
  #isOver = false
  #over = Promise.withResolvers<void>()
  #stopping = false

  constructor(options: DrainOptions<Row>) {
    this.#options = options
    this.#recorder = new Recorder((results) => options.table.record(results), options.log)
    this.#coalesced = coalesce(() => {
      const pass = this.#claimWhatIsDue()
      this.#pass = pass.catch(() => {})
      return pass
    })
  }

  /** Begins to poll, to renew and to rescue. */
  start(): void {
    const { leaseSeconds, pollSeconds, log } = this.#options
    this.#loops.push(
      startLoop({ name: 'drain', everyMs: pollSeconds * 1000, log, run: () => this.run() }),
      startLoop({ name: 'lease renewal', everyMs: (leaseSeconds * 1000) / 3, log, run: () => this.#renew() }),
      startLoop({ name: 'rescue of expired leases', everyMs: tidyEveryMs, log, run: () => this.#tidy() }),
    )
  }

  /** One pass over what is due, begun after this call. At most one runs while one more waits; it ends after 30 s at most. */
  run(): Promise<PassResult> {
    return this.#coalesced()
  }

  /** A hint that rows may be due or lanes free. Failures are left to the poll to report. */
  wake(): void {
    if (this.#stopping) return
    this.run().catch(() => {})
    // The pass in progress may be waiting for a lane while there is room again.
    this.#nudge()
  }

  get inHand(): number {
    return this.#inHand.size
  }

  /**
   * Claims nothing more and waits until everything in hand is recorded. At the deadline `abort` is called, which must make all work
   * end promptly. Rejects when outcomes could not be recorded: then it was no clean stop.
   */
  async stop({ deadlineMs, abort }: { deadlineMs: number; abort: () => void }): Promise<void> {
    this.#stopping = true
    this.#endPass()
    const deadline = setTimeout(() => {
      this.#options.log.warn({ inHand: this.#inHand.size }, 'deadline reached; giving back what is in hand')
      this.#recorder.giveUp()
      abort()
    }, deadlineMs)
    await this.#pass
    while (this.#inHand.size > 0) await this.#nudged.promise
    clearTimeout(deadline)
    await Promise.all(this.#loops.map((loop) => loop.stop()))
    if (this.#recorder.lost > 0) throw new Error(`${this.#recorder.lost} outcomes could not be recorded`)
  }

  async #claimWhatIsDue(): Promise<PassResult> {
    this.#isOver = false
    this.#over = Promise.withResolvers()
    const timer = setTimeout(() => this.#endPass(), longestPassMs)
    try {
      const result = { claimed: 0, expired: 0 }
      for (let more = true; more; ) {
        const room = await this.#room()
        more = room > 0 && (await this.#claim(room, result))
      }
      if (this.#isOver) this.wake()
      return result
    } finally {
      clearTimeout(timer)
    }
  }

  /** Waits until a row could be started; 0 when none will be: stopping, an outage, or the pass is over. */
  async #room(): Promise<number> {
    while (!this.#stopping && !this.#isOver) {
      const lanes = Math.min(this.#options.concurrency, this.#options.capacity())
      if (lanes === 0) return 0
      if (lanes > this.#inHand.size) return lanes - this.#inHand.size
      await this.#nudged.promise
      await Promise.race([this.#recorder.idle, this.#over.promise])
    }
    return 0
  }

  /** Claims and starts up to `room` rows; true when there may be more. */
  async #claim(room: number, result: { claimed: number; expired: number }): Promise<boolean> {
    const { table, leaseSeconds } = this.#options
    const expiresAt = performance.now() + leaseSeconds * 1000
    const { rows, expired } = await table.claim(room)
    result.claimed += rows.length
    result.expired += expired.length
    this.#logExpired(expired)
    for (const row of rows) void this.#handle(row, expiresAt)
    return rows.length + expired.length === room
  }

  async #handle(row: Row, expiresAt: number): Promise<void> {
    const held: Held<Row> = { row, expiresAt, lost: () => performance.now() > held.expiresAt }
    this.#inHand.set(row.token, held)
    await this.#recorder.record(this.#stopping ? giveBack(row) : await this.#attempt(held))
    this.#inHand.delete(row.token)
    this.#nudge()
  }

  async #attempt(held: Held<Row>): Promise<AttemptResult> {
    try {
      return await this.#options.work(held)
    } catch (err) {
      this.#options.log.error({ err, id: held.row.id }, 'a bug: the attempt threw')
      return this.#options.onBug(held.row, err)
    }
  }

  #endPass(): void {
    this.#isOver = true
    this.#over.resolve()
    this.#nudge()
  }

  #nudge(): void {
    this.#nudged.resolve()
    this.#nudged = Promise.withResolvers<void>()
  }

  async #renew(): Promise<void> {
    const held = [...this.#inHand.values()]
    if (held.length === 0) return
    const expiresAt = performance.now() + this.#options.leaseSeconds * 1000
    const { renewed, locked } = await this.#options.table.renew(held.map(({ row }) => row))
    for (const lease of held) {
      if (renewed.has(lease.row.token)) lease.expiresAt = expiresAt
      else if (!locked.has(lease.row.token)) lease.expiresAt = Number.NEGATIVE_INFINITY
    }
  }

  /** What nobody else does while rows lie still: rescue what a dead worker left, end what is too late. */
  async #tidy(): Promise<void> {
    const { table, log } = this.#options
    const rescued = await table.reap()
    for (const { id, status, claimed_by } of rescued) {
      log.warn({ id, status, claimedBy: claimed_by }, 'rescued: its worker let the lease run out')
    }
    if (rescued.length > 0) this.wake()
    this.#logExpired(await table.expire())
  }

  #logExpired(ids: readonly number[]): void {
    if (ids.length > 0) this.#options.log.info({ ids }, 'expired: not sent before not_after')
  }
}

/** The result that leaves a row as if it had never been claimed. */
export function giveBack({ id, token }: Claim): AttemptResult {
  return { id, token, settlement: { status: 'pending', delayMs: 0, giveBack: true }, details: {}, delivered: {} }
}

import type { Logger } from 'pino'
import { coalesce } from '../runtime/coalesce.ts'
import { type Loop, type LoopOptions, startLoop } from '../runtime/loop.ts'
import type { QueueVitals, Vitals } from '../runtime/vitals.ts'
import { HandOver } from './hand-over.ts'
import { Held, type Work } from './lease.ts'
import {
  type AttemptResult,
  byUrgency,
  type Claim,
  type ClaimRequest,
  type LeasedTable,
  rescuedAtOnce,
} from './leased-table.ts'
import { Pace } from './pace.ts'
import { Recorder } from './recorder.ts'

export interface DrainOptions<Row extends Claim> {
  /** What `vitals` knows it by. */
  readonly queue: string
  readonly table: LeasedTable<Row>
  /** The most rows worked on at once. */
  readonly concurrency: number
  readonly leaseSeconds: number
  readonly pollSeconds: number
  /** Some rows may not be claimed before others are recorded. */
  readonly inOrder?: true
  /** How many rows could be worked on now, besides `concurrency`: 0 during an outage. */
  readonly capacity: () => number
  /** Does the attempt and decides. What it throws is a bug: it is logged and counts as an attempt. */
  readonly work: (work: Work<Row>) => Promise<AttemptResult>
  /** What is recorded when `work` throws. */
  readonly onBug: (row: Row, error: unknown) => AttemptResult
  /** Told what is in hand and what came of it. */
  readonly vitals: Vitals
  readonly log: Logger
}

export interface PassResult {
  readonly claimed: number
  readonly expired: number
}

const longestPassMs = 30_000
const longestTidyMs = 5_000
/** So much work is claimed ahead of free lanes: enough to claim many rows at once, little enough to be in hand for a moment only. */
const aheadMs = 50
/** Rows claimed ahead at most, for each lane. */
const mostAhead = 10
/** Where rows are claimed in order, looking for them takes a fifth of the time at most: those that have to wait are passed over each time. */
const restFactor = 4
/** Rows more urgent than those that lie ready are looked for no oftener than this. */
const urgentEveryMs = 15

/**
 * Keeps a leased table empty: claims what is due a little ahead of the lanes that come free, has it worked on, the most urgent first,
 * records the outcomes, renews the leases of what takes long and rescues what other workers left behind.
 */
export class Drain<Row extends Claim> {
  readonly #options: DrainOptions<Row>
  readonly #vitals: QueueVitals
  readonly #recorder: Recorder
  readonly #handOver: HandOver
  /** Claimed and not yet recorded. */
  readonly #inHand = new Map<string, Held<Row>>()
  /** Of these, what has not been started, the most urgent first. */
  #ready: Held<Row>[] = []
  #started = 0
  readonly #loops: Loop[] = []
  readonly #coalesced: () => Promise<PassResult>
  readonly #pace = new Pace()
  #pass: Promise<unknown> = Promise.resolve()
  /** Something has changed that may let the pass go on. */
  #nudged = Promise.withResolvers<void>()
  /** Rows may have come that are more urgent than those that lie ready. */
  #hinted = false
  #lookedAt = Number.NEGATIVE_INFINITY
  /** Until when claiming rests, where rows are claimed in order. */
  #restsUntil = Number.NEGATIVE_INFINITY
  #next: NodeJS.Timeout | undefined
  /** The pass in progress has to end. */
  #isOver = false
  #stopping = false

  constructor(options: DrainOptions<Row>) {
    const { table, concurrency, queue, vitals, log } = options
    this.#options = options
    this.#vitals = vitals.queue(queue)
    this.#vitals.inHand = () => this.inHand
    this.#recorder = new Recorder({
      write: (results) => table.record(results),
      expected: () => (this.#handOver.isFull ? 0 : this.#started),
      log,
    })
    this.#handOver = new HandOver({
      mark: (claims) => table.handOver(claims),
      most: 2 * concurrency,
      atWork: () => this.#started,
      pace: this.#pace,
      log,
    })
    this.#coalesced = coalesce(() => {
      const pass = this.#claimWhatIsDue()
      this.#pass = pass.catch(() => {})
      return pass
    })
  }

  /** Begins to poll, to renew and to rescue. */
  start(): void {
    const { queue, leaseSeconds, pollSeconds } = this.#options
    const tidyMs = Math.min(longestTidyMs, (leaseSeconds * 1000) / 2)
    // It may wait for the pass in progress, and then makes one of its own.
    const longestMs = 2 * longestPassMs
    this.#keep({ name: `drain of ${queue}`, everyMs: pollSeconds * 1000, longestMs, run: () => this.run() })
    this.#keep({ name: `lease renewal of ${queue}`, everyMs: (leaseSeconds * 1000) / 3, run: () => this.#renew() })
    this.#keep({ name: `rescue of expired leases of ${queue}`, everyMs: tidyMs, run: () => this.#tidy() })
  }

  #keep(loop: Omit<LoopOptions, 'log' | 'vitals'>): void {
    const { log, vitals } = this.#options
    this.#loops.push(startLoop({ ...loop, log, vitals }))
  }

  /** One pass over what is due, begun after this call. At most one runs while one more waits; it ends after 30 s at most. */
  run(): Promise<PassResult> {
    return this.#coalesced()
  }

  /** A hint that rows may be due or lanes free. Failures are left to the poll to report. */
  wake(): void {
    if (this.#stopping) return
    this.#hinted = true
    this.run().catch(() => {})
    this.#startReady()
    // The pass in progress may be waiting for a lane while there is room again.
    this.#nudge()
  }

  get inHand(): number {
    return this.#inHand.size
  }

  /**
   * Claims and starts nothing more, gives back what was not started and waits until everything in hand is recorded. At the deadline
   * `abort` is called, which must make all work end promptly. Rejects when outcomes could not be recorded: then it was no clean stop.
   */
  async stop({ deadlineMs, abort }: { deadlineMs: number; abort: () => void }): Promise<void> {
    this.#stopping = true
    this.#endPass()
    this.#giveBackReady()
    const deadline = setTimeout(() => {
      this.#options.log.warn({ inHand: this.#inHand.size }, 'deadline reached; giving back what is in hand')
      this.#recorder.giveUp()
      this.#handOver.giveUp()
      abort()
    }, deadlineMs)
    await this.#pass
    while (this.#inHand.size > 0) await this.#nudged.promise
    clearTimeout(deadline)
    clearTimeout(this.#next)
    await Promise.all(this.#loops.map((loop) => loop.stop()))
    if (this.#recorder.lost > 0) throw new Error(`${this.#recorder.lost} outcomes could not be recorded`)
  }

  async #claimWhatIsDue(): Promise<PassResult> {
    this.#isOver = false
    const timer = setTimeout(() => this.#endPass(), longestPassMs)
    try {
      const result = { claimed: 0, expired: 0 }
      for (let more = true; more; ) {
        const request = await this.#nextClaim()
        more = request !== undefined && (await this.#claim(request, result))
      }
      if (this.#isOver) this.wake()
      return result
    } finally {
      clearTimeout(timer)
    }
  }

  /** Waits until there is something to claim for; undefined when there will not be: stopping, an outage, or the pass is over. */
  async #nextClaim(): Promise<ClaimRequest | undefined> {
    while (!this.#stopping && !this.#isOver) {
      if (this.#lanes === 0) {
        this.#giveBackReady()
        return undefined
      }
      const request = this.#refill() ?? this.#urgent()
      if (request) return request
      await this.#nudged.promise
    }
    return undefined
  }

  get #lanes(): number {
    return Math.min(this.#options.concurrency, this.#options.capacity())
  }

  /** Many rows at once when half of what lay ready has gone, rather than one for each lane that comes free. */
  #refill(): ClaimRequest | undefined {
    const { concurrency } = this.#options
    // While the server takes less than usual nothing is claimed ahead.
    const ahead =
      this.#lanes < concurrency ? 0 : Math.min(mostAhead * concurrency, Math.round(this.#pace.rowsIn(aheadMs)))
    const limit = this.#lanes - this.#started + ahead - this.#ready.length
    return limit > 0 && this.#ready.length <= ahead / 2 ? { limit } : undefined
  }

  #urgent(): ClaimRequest | undefined {
    const before = this.#ready.at(-1)?.row.prio
    if (!this.#hinted || before === undefined) return undefined
    const limit = this.#lanes - this.#ready.filter(({ row }) => row.prio < before).length
    if (before === 1 || limit <= 0) return undefined
    const waitMs = this.#lookedAt + urgentEveryMs - performance.now()
    if (waitMs <= 0) return { limit, before }
    setTimeout(() => this.#nudge(), waitMs)
    return undefined
  }

  /** Claims rows and starts what lanes are free for; true when there may be more. */
  async #claim(request: ClaimRequest, result: { claimed: number; expired: number }): Promise<boolean> {
    const { table, leaseSeconds } = this.#options
    this.#hinted = false
    this.#lookedAt = performance.now()
    const expiresAt = this.#lookedAt + leaseSeconds * 1000
    const { rows, expired, more } = await table.claim(request)
    this.#restsUntil = performance.now() + restFactor * (performance.now() - this.#lookedAt)
    result.claimed += rows.length
    result.expired += expired.length
    this.#noteExpired(expired)
    this.#take(rows, expiresAt)
    return request.before !== undefined || more
  }

  #take(rows: readonly Row[], expiresAt: number): void {
    for (const row of rows) {
      const held = new Held(row, expiresAt, (lease) => this.#handOver.ask(lease))
      this.#inHand.set(row.token, held)
      this.#ready.push(held)
    }
    this.#ready.sort((a, b) => byUrgency(a.row, b.row))
    if (this.#stopping) this.#giveBackReady()
    this.#startReady()
  }

  #startReady(): void {
    while (this.#started < this.#lanes) {
      const held = this.#ready.shift()
      if (held === undefined) return
      this.#started += 1
      void this.#handle(held)
    }
  }

  async #handle(held: Held<Row>): Promise<void> {
    const result = await this.#attempt(held)
    // A lane may lose its connection while it waits for the answer: the mark must not come after the outcome, which clears it.
    if (held.asked) await held.asked
    this.#started -= 1
    this.#pace.finished()
    void this.#record(held, result)
    this.#startReady()
    this.#nudge()
  }

  async #attempt(held: Held<Row>): Promise<AttemptResult> {
    if (held.lost()) return giveBack(held.row)
    try {
      return await this.#options.work(held)
    } catch (err) {
      this.#options.log.error({ err, id: held.row.id }, 'a bug: the attempt threw')
      return this.#options.onBug(held.row, err)
    }
  }

  async #record(held: Held<Row>, result: AttemptResult): Promise<void> {
    const { row } = held
    await this.#recorder.record(result)
    this.#tell(held, result)
    this.#handOver.settled(row)
    this.#inHand.delete(row.token)
    if (this.#stopping) this.#nudge()
    else if (this.#options.inOrder) this.#lookForNext()
  }

  #tell({ row, claimedAt }: Held<Row>, { entry, settlement }: AttemptResult): void {
    // What was handed on to another queue is sent, as far as this one is concerned.
    const handedOn = settlement.status === 'sending' ? ({ outcome: 'sent', errorClass: undefined } as const) : undefined
    const told = entry ?? handedOn
    if (told === undefined) return
    const { outcome, errorClass } = told
    const waitedMs = outcome === 'sent' ? row.waited_ms + performance.now() - claimedAt : undefined
    this.#vitals.settled({ outcome, errorClass, waitedMs })
  }

  #lookForNext(): void {
    const restMs = Math.max(0, this.#restsUntil - performance.now())
    this.#next ??= setTimeout(() => {
      this.#next = undefined
      this.wake()
    }, restMs)
  }

  #giveBackReady(isMeant: (held: Held<Row>) => boolean = () => true): void {
    const back = this.#ready.filter(isMeant)
    this.#ready = this.#ready.filter((held) => !isMeant(held))
    for (const held of back) void this.#record(held, giveBack(held.row))
  }

  #endPass(): void {
    this.#isOver = true
    this.#nudge()
  }

  #nudge(): void {
    this.#nudged.resolve()
    this.#nudged = Promise.withResolvers<void>()
  }

  async #renew(): Promise<void> {
    this.#giveBackReady((held) => held.wasRenewed)
    const held = [...this.#inHand.values()]
    if (held.length === 0) return
    const expiresAt = performance.now() + this.#options.leaseSeconds * 1000
    const { renewed, locked } = await this.#options.table.renew(held.map(({ row }) => row))
    for (const lease of held) {
      lease.wasRenewed = true
      if (renewed.has(lease.row.token)) lease.expiresAt = expiresAt
      else if (!locked.has(lease.row.token)) lease.expiresAt = Number.NEGATIVE_INFINITY
    }
  }

  /** What nobody else does while rows lie still: rescue what a dead worker left, end what is too late. */
  async #tidy(): Promise<void> {
    const { table, log } = this.#options
    for (let more = true; more; ) {
      const rescued = await table.reap()
      for (const rescue of rescued) log.warn(rescue, 'rescued: its worker let the lease run out')
      if (rescued.length > 0) this.wake()
      more = rescued.length === rescuedAtOnce
    }
    this.#noteExpired(await table.expire())
  }

  #noteExpired(ids: readonly number[]): void {
    if (ids.length > 0) this.#options.log.info({ ids }, 'expired: not sent before not_after')
    for (const _ of ids) this.#vitals.settled({ outcome: 'expired', errorClass: 'expired' })
  }
}

/** The result that leaves a row as if it had never been claimed. */
export function giveBack({ id, token }: Claim): AttemptResult {
  const settlement = { status: 'pending', delayMs: 0, giveBack: true } as const
  return { id, token, settlement, entry: undefined, details: {}, delivered: {} }
}

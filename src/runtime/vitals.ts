import { OutcomeTally } from './outcome-tally.ts'

/** What came of one row, once it is durable. */
export interface Settled {
  /** A word of `Outcome['kind']`, or `expired`. */
  readonly outcome: string
  readonly errorClass?: string | undefined
  /** From the moment the row was to go out until now; undefined where nobody took it. */
  readonly waitedMs?: number | undefined
}

/** The next system takes nothing from us. */
export interface OutageNow {
  readonly since: Date
  readonly reason: string
}

/** What a queue's part of this process tells of itself. */
export interface QueueVitals {
  /** Rows claimed and not yet recorded. */
  inHand: () => number
  outage: () => OutageNow | undefined
  settled(settled: Settled): void
}

export interface PulseOptions {
  /** How long one run may take although all is well: 0 where nothing is said. */
  readonly longestMs?: number
  /** The work goes on without it. */
  readonly isSpare?: boolean
}

/** Something that is to succeed again and again. */
export interface Pulse extends Required<PulseOptions> {
  readonly name: string
  readonly everyMs: number
  /** When it last succeeded, by the monotonic clock; when it began, before that. */
  readonly succeededAt: number
}

type Listener = (queue: string, settled: Settled) => void

/**
 * What a worker process tells of itself: how much it has in hand, what came of it, what its loops do, and why it sends nothing. The
 * registry of workers, metrics and health checks read it.
 */
export class Vitals {
  readonly #queues = new Map<string, QueueVitals>()
  readonly #pulses = new Map<string, Omit<Pulse, 'name'>>()
  readonly #listeners: Listener[] = []
  /** From the first moment on: a worker has sent much before it is known to the others. */
  readonly outcomes = new OutcomeTally()
  #blocked: string | undefined
  #onChange: () => void = () => {}

  /** The part about a queue: `email`, or a channel of notifications. */
  queue(name: string): QueueVitals {
    const known = this.#queues.get(name)
    if (known) return known
    const queue: QueueVitals = {
      inHand: () => 0,
      outage: () => undefined,
      settled: (settled) => {
        const { outcome, errorClass = '' } = settled
        this.outcomes.add({ queue: name, outcome, errorClass, count: 1 })
        for (const listener of this.#listeners) listener(name, settled)
      },
    }
    this.#queues.set(name, queue)
    return queue
  }

  get queues(): ReadonlyMap<string, QueueVitals> {
    return this.#queues
  }

  get inHand(): number {
    return [...this.#queues.values()].reduce((sum, { inHand }) => sum + inHand(), 0)
  }

  /** The longest of those that last. */
  get outage(): OutageNow | undefined {
    const outages = [...this.#queues.values()].flatMap(({ outage }) => outage() ?? [])
    return outages.sort((a, b) => a.since.getTime() - b.since.getTime())[0]
  }

  /** Why nothing is sent although this process is well; undefined where it may send. */
  get blocked(): string | undefined {
    return this.#blocked
  }

  set blocked(reason: string | undefined) {
    if (reason === this.#blocked) return
    this.#blocked = reason
    this.changed()
  }

  /** Called for each row that is settled from now on. */
  onSettled(listener: Listener): void {
    this.#listeners.push(listener)
  }

  /** Called when others should soon know that an outage, or a block, has begun or ended. */
  onChange(listener: () => void): void {
    this.#onChange = listener
  }

  changed(): void {
    this.#onChange()
  }

  /** Expects something to succeed about so often from now on; answers what to call each time it has. */
  expect(name: string, everyMs: number, { longestMs = 0, isSpare = false }: PulseOptions = {}): () => void {
    const pulse = { everyMs, longestMs, isSpare, succeededAt: performance.now() }
    this.#pulses.set(name, pulse)
    return () => {
      pulse.succeededAt = performance.now()
    }
  }

  get pulses(): readonly Pulse[] {
    return [...this.#pulses].map(([name, pulse]) => ({ name, ...pulse }))
  }
}

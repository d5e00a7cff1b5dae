import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { DB } from '../db/schema.ts'
import { type QueueName, queueNames } from '../ops/backlog.ts'
import { type FleetFigures, readFleetFigures } from '../ops/fleet-figures.ts'
import { pauseOf } from '../ops/pauses.ts'
import { fleetMetrics } from './definitions.ts'
import type { MetricName, MetricRegistry } from './registry.ts'

interface FleetReportOptions {
  readonly registry: MetricRegistry
  readonly db: Kysely<DB>
  readonly log: Logger
}

/** So long figures serve for every scrape. */
const freshMs = 3_000
/** So long a scrape waits for them: Prometheus itself gives up after 10 s. */
const patienceMs = 3_000
const priorities = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
const workerNames = ['email', 'notifications', 'lifecycle']
const names = Object.keys(fleetMetrics) as (keyof typeof fleetMetrics & MetricName<'gauge'>)[]

/** Tells of the whole fleet, as the database has it. It is read when it is asked for, and at most every few seconds. */
export class FleetReport {
  readonly #options: FleetReportOptions
  #reading: Promise<FleetFigures> | undefined
  /** When the figures in `#reading` came. */
  #readAt = Number.NEGATIVE_INFINITY
  #warned = false

  constructor(options: FleetReportOptions) {
    this.#options = options
  }

  /** Sets the gauges. Without an answer of the database in good time it leaves them out: old figures would look like new ones. */
  async take(): Promise<void> {
    const { registry, log } = this.#options
    try {
      const figures = await this.#inTime(this.#read())
      this.#warned = false
      registry.set('fleet_database_up', [{ value: 1 }])
      show(registry, figures)
    } catch (err) {
      if (!this.#warned) log.warn({ err }, 'metrics: no answer of the database; left out what it would tell')
      this.#warned = true
      registry.set('fleet_database_up', [{ value: 0 }])
      for (const name of names) registry.set(name, [])
    }
  }

  /** The reading that is under way, or was made a moment ago, or else a new one. */
  #read(): Promise<FleetFigures> {
    if (this.#reading !== undefined && performance.now() - this.#readAt < freshMs) return this.#reading
    this.#readAt = Number.POSITIVE_INFINITY
    const reading = readFleetFigures(this.#options.db)
    this.#reading = reading
    reading.then(
      () => {
        this.#readAt = performance.now()
      },
      () => {
        this.#reading = undefined
      },
    )
    return reading
  }

  async #inTime(reading: Promise<FleetFigures>): Promise<FleetFigures> {
    const settled = new AbortController()
    const tooLate = delay(patienceMs, undefined, { signal: settled.signal, ref: false }).then(() => {
      throw new Error(`no answer within ${patienceMs} ms`)
    })
    try {
      return await Promise.race([reading, tooLate])
    } finally {
      tooLate.catch(() => {})
      settled.abort()
    }
  }
}

function show(registry: MetricRegistry, figures: FleetFigures): void {
  showBacklog(registry, figures)
  showInHand(registry, figures)
  registry.set(
    'fleet_queue_paused',
    queueNames.map((queue) => ({ queue, value: Number(pauseOf(queue, figures.pauses) !== undefined) })),
  )
  registry.set(
    'fleet_channel_closed',
    ['telegram', 'sms'].map((queue) => ({ queue, value: Number(figures.closedChannels.includes(queue)) })),
  )
  registry.set(
    'fleet_workers_alive',
    workerNames.map((worker) => ({ worker, value: figures.workers.filter(({ name }) => name === worker).length })),
  )
  const { sweepLateSeconds, databaseBytes } = figures
  registry.set('fleet_sweep_lateness_seconds', sweepLateSeconds === null ? [] : [{ value: sweepLateSeconds }])
  registry.set('fleet_database_size_bytes', [{ value: databaseBytes }])
}

/** Every queue and priority each time, as a series that comes and goes is hard to watch. */
function showBacklog(registry: MetricRegistry, { backlog, now }: FleetFigures): void {
  const at = (queue: QueueName, priority: number) =>
    backlog.find((row) => row.queue === queue && row.priority === priority)
  const cells = queueNames.flatMap((queue) => priorities.map((priority) => ({ queue, priority })))
  registry.set(
    'fleet_queue_oldest_due_age_seconds',
    cells.map((cell) => {
      const since = at(cell.queue, cell.priority)?.oldestDueAt ?? now
      return { ...cell, value: Math.max(0, now.getTime() - since.getTime()) / 1000 }
    }),
  )
  registry.set(
    'fleet_queue_due',
    cells.map((cell) => ({ ...cell, value: at(cell.queue, cell.priority)?.due ?? 0 })),
  )
  const scheduledIn = (queue: QueueName) =>
    backlog.filter((row) => row.queue === queue).reduce((sum, { scheduled }) => sum + scheduled, 0)
  registry.set(
    'fleet_queue_scheduled',
    queueNames.map((queue) => ({ queue, value: scheduledIn(queue) })),
  )
}

function showInHand(registry: MetricRegistry, { inHand, ambiguous }: FleetFigures): void {
  const of = (part: 'sending' | 'held') =>
    queueNames.map((queue) => ({ queue, value: inHand.find((row) => row.queue === queue)?.[part] ?? 0 }))
  registry.set('fleet_queue_sending', of('sending'))
  registry.set('fleet_queue_held', of('held'))
  registry.set(
    'fleet_queue_ambiguous',
    queueNames.map((queue) => ({ queue, value: ambiguous.find((row) => row.queue === queue)?.count ?? 0 })),
  )
}

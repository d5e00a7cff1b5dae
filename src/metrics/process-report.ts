import process from 'node:process'
import type pg from 'pg'
import { version } from '../runtime/version.ts'
import type { Settled, Vitals } from '../runtime/vitals.ts'
import type { MetricRegistry } from './registry.ts'

/** A worker of this process and what it tells of itself. */
export interface ReportedWorker {
  readonly name: string
  readonly vitals: Vitals
}

interface ProcessReportOptions {
  readonly registry: MetricRegistry
  readonly workers: readonly ReportedWorker[]
  readonly pool: pg.Pool
  readonly isReady: () => boolean
}

/** Tells of this process: of each outcome as it comes, and of the rest when it is asked. */
export class ProcessReport {
  readonly #options: ProcessReportOptions
  /** Queues whose counters have begun. */
  readonly #begun = new Set<string>()

  constructor(options: ProcessReportOptions) {
    this.#options = options
    for (const { vitals } of options.workers) vitals.onSettled((queue, settled) => this.#count(queue, settled))
  }

  #count(queue: string, { outcome, errorClass = '', waitedMs }: Settled): void {
    const { registry } = this.#options
    registry.count('fleet_outcomes_total', { queue, outcome, error_class: errorClass })
    if (waitedMs !== undefined) registry.observe('fleet_enqueue_to_accept_seconds', { queue }, waitedMs / 1000)
  }

  /** Sets the gauges. */
  take(): void {
    const { registry, workers, isReady } = this.#options
    const queues = workers.flatMap(({ vitals }) => [...vitals.queues].map(([queue, told]) => ({ queue, ...told })))
    for (const { queue } of queues) this.#begin(queue)
    registry.set(
      'fleet_build_info',
      workers.map(({ name }) => ({ worker: name, version, node_version: process.versions.node, value: 1 })),
    )
    registry.set('fleet_ready', [{ value: Number(isReady()) }])
    registry.set('fleet_loop_last_success_timestamp_seconds', workers.flatMap(loopsOf))
    registry.set(
      'fleet_in_hand',
      queues.map(({ queue, inHand }) => ({ queue, value: inHand() })),
    )
    registry.set(
      'fleet_outage_seconds',
      queues.map(({ queue, outage }) => ({ queue, value: secondsSince(outage()?.since) })),
    )
    registry.set(
      'fleet_blocked',
      workers.map(({ name, vitals }) => ({ worker: name, value: Number(vitals.blocked !== undefined) })),
    )
    this.#takePool()
  }

  /** A rate needs a 0 to begin with. */
  #begin(queue: string): void {
    if (this.#begun.has(queue)) return
    this.#begun.add(queue)
    this.#options.registry.begin('fleet_outcomes_total', { queue, outcome: 'sent', error_class: '' })
    this.#options.registry.begin('fleet_enqueue_to_accept_seconds', { queue })
  }

  #takePool(): void {
    const { registry, pool } = this.#options
    registry.set('fleet_database_connections', [
      { state: 'busy', value: pool.totalCount - pool.idleCount },
      { state: 'idle', value: pool.idleCount },
    ])
    registry.set('fleet_database_connections_max', [{ value: pool.options.max }])
    registry.set('fleet_database_waiting', [{ value: pool.waitingCount }])
  }
}

function loopsOf({ name, vitals }: ReportedWorker) {
  return vitals.pulses.map((pulse) => ({ worker: name, loop: pulse.name, value: toUnixSeconds(pulse.succeededAt) }))
}

function toUnixSeconds(monotonicMs: number): number {
  return (Date.now() - performance.now() + monotonicMs) / 1000
}

function secondsSince(since: Date | undefined): number {
  return since === undefined ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1000)
}

import process from 'node:process'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/pool.ts'
import { type MetricsServer, startMetricsServer, type Told } from './metrics-server.ts'
import type { ReportedWorker } from './process-report.ts'
import { whyNotReady } from './readiness.ts'

export interface ServeMetricsOptions {
  readonly config: Config
  readonly database: Database
  /** Those that this process runs. */
  readonly workers: readonly ReportedWorker[]
  /** Aborts when the process is told to stop. */
  readonly stopping: AbortSignal
  readonly log: Logger
}

export interface ServedMetrics extends MetricsServer {
  /** The process does its work from now on, as far as its loops succeed. */
  started(): void
}

/**
 * Serves the metrics and health of this process where METRICS_PORT says so, until it is stopped. It is to be called before the workers
 * start, so that every outcome is counted; until `started` the process is alive and not ready.
 */
export async function serveMetrics(options: ServeMetricsOptions): Promise<ServedMetrics> {
  const { config, log, stopping, workers } = options
  let hasStarted = false
  if (config.metrics.port === undefined) return { started() {}, async stop() {} }
  const notReady = () => {
    const phase = stopping.aborted ? 'stopping' : hasStarted ? 'working' : 'starting'
    const told = workers.map(({ name, vitals }) => ({ name, blocked: vitals.blocked, pulses: vitals.pulses }))
    return whyNotReady({ phase, workers: told, now: performance.now() })
  }
  const port = config.metrics.port + instanceNumber()
  const server = startMetricsServer({
    host: config.metrics.host,
    port,
    told: { metrics: await createReports(options, () => notReady().length === 0), notReady },
    log,
  })
  return {
    ...server,
    started() {
      hasStarted = true
    },
  }
}

async function createReports(
  { database, workers, log }: ServeMetricsOptions,
  isReady: () => boolean,
): Promise<Told['metrics']> {
  // Whoever does not ask for metrics does not pay for the library.
  const { MetricRegistry } = await import('./registry.ts')
  const { ProcessReport } = await import('./process-report.ts')
  const { FleetReport } = await import('./fleet-report.ts')
  const registry = new MetricRegistry()
  const ofProcess = new ProcessReport({ registry, workers, pool: database.pool, isReady })
  const ofFleet = new FleetReport({ registry, db: database.db, log })
  return async () => {
    await ofFleet.take()
    ofProcess.take()
    return registry.render()
  }
}

/** PM2 counts the instances of each worker from 0. */
function instanceNumber(): number {
  const number = Number(process.env.NODE_APP_INSTANCE)
  return Number.isInteger(number) && number > 0 ? number : 0
}

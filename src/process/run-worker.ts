import module from 'node:module'
import { hostname } from 'node:os'
import process from 'node:process'
import type { Logger } from 'pino'
import { startAlertWatch } from '../alerts/watch.ts'
import { type Config, ConfigError, loadConfig } from '../config/config.ts'
import { connectDatabase, type Database, type DatabaseOptions, isUnreachable } from '../db/pool.ts'
import { serveMetrics } from '../metrics/serve-metrics.ts'
import { createLogger } from '../runtime/logger.ts'
import { Vitals } from '../runtime/vitals.ts'
import { waitForDatabase } from './database-ready.ts'
import { closingMs, endIfNotStopped } from './deadline.ts'
import { startHeartbeat } from './heartbeat.ts'
import { startInstallationGuard } from './installation-guard.ts'
import { changeLogLevelOnSignal } from './log-level.ts'
import { tellParentReady } from './parent.ts'
import { listenForShutdown, type Shutdown } from './shutdown.ts'

/** What a worker is given when its database is ready. */
export interface WorkerContext {
  readonly config: Config
  readonly database: Database
  /** Past a pooler, for LISTEN. */
  readonly directUrl: string
  /** Names this process to others: `email@host:pid`. */
  readonly owner: string
  readonly vitals: Vitals
  readonly log: Logger
}

export interface RunningWorker {
  /** Finishes what is in hand within `config.shutdownSeconds` and gives the rest back. */
  stop(): Promise<void>
}

export interface WorkerDefinition {
  readonly name: string
  readonly needs: readonly ('database' | 'smtp')[]
  /** Connections to the database beside those of its pool. */
  readonly directConnections: number
  /** What its database sessions are like, where that is not the usual. */
  readonly sessions?: Pick<DatabaseOptions, 'keepsPlans' | 'statementTimeoutMs'>
  /** Imports what the worker does, while the database is being looked at. */
  load(): Promise<StartWorker>
}

/** Leaves nothing running when it rejects. It is called again when the database was lost meanwhile. */
type StartWorker = (context: WorkerContext) => Promise<RunningWorker>

const exitFatal = 1
const exitConfiguration = 78

/**
 * The life of a worker process: configuration (78 when it is wrong), waiting for the database (78 when its user lacks rights), start, telling the parent that it is
 * ready, and a graceful stop. Returns when everything is closed, so that the process ends by itself with status 0.
 */
export async function runWorker(definition: WorkerDefinition): Promise<void> {
  const shutdown = listenForShutdown()
  const config = readConfiguration(definition)
  const log = createLogger({ level: config.logLevel, name: definition.name })
  for (const warning of config.warnings) log.warn(warning)
  changeLogLevelOnSignal(log)
  endOnBug(log)
  endIfNotStopped(shutdown.signal, { afterMs: config.shutdownSeconds * 1000 + closingMs, log })
  try {
    await live({ definition, config, shutdown, log })
  } catch (err) {
    if (err instanceof ConfigError) exitMisconfigured(err)
    log.fatal({ err }, 'cannot go on')
    process.exit(exitFatal)
  }
  if (process.connected) process.disconnect?.()
}

interface Life {
  readonly definition: WorkerDefinition
  readonly config: Config
  readonly shutdown: Shutdown
  readonly log: Logger
}

async function live({ definition, config, shutdown, log }: Life): Promise<void> {
  const { url, directUrl, poolMax } = config.database
  if (url === undefined) throw new Error('no DATABASE_URL')
  const { name, directConnections, sessions = {} } = definition
  const database = connectDatabase({ url, applicationName: `fleet ${name}`, max: poolMax, ...sessions })
  const owner = `${name}@${hostname()}:${process.pid}`
  const vitals = new Vitals()
  const context = { config, database, directUrl: directUrl ?? url, owner, vitals, log }
  const metrics = await serveMetrics({ ...context, workers: [{ name, vitals }], stopping: shutdown.signal })
  // From here on: that the database is out of reach is told, too.
  const alerts = startAlertWatch({ ...context, tellsOfDatabase: name === 'lifecycle' })
  try {
    const worker = await startWhenReady(definition, context, shutdown.signal)
    if (worker === undefined) return
    const heartbeat = await startHeartbeat({ ...context, name, directConnections })
    metrics.started()
    log.info({ owner }, 'ready')
    if (!shutdown.signal.aborted) tellParentReady()
    module.flushCompileCache()
    await shutdown.requested
    log.info({ reason: shutdown.signal.reason }, 'stopping')
    await worker.stop()
    await heartbeat.stop()
  } finally {
    await alerts.stop()
    await database.close()
    await metrics.stop()
  }
  log.info('stopped')
}

/** Undefined when `signal` aborts before the database is ready. */
async function startWhenReady(
  definition: WorkerDefinition,
  context: WorkerContext,
  signal: AbortSignal,
): Promise<RunningWorker | undefined> {
  const { database, log } = context
  const loading = definition.load()
  loading.catch(() => {}) // Heard of below.
  while (await waitForDatabase(database, { signal, log })) {
    // Before the worker: on a database without a stamp nothing is claimed until there is one.
    const guard = await startInstallationGuard({ ...context, environment: context.config.environment })
    try {
      const start = await loading
      const worker = await start(context)
      return { stop: () => worker.stop().finally(guard.stop) }
    } catch (err) {
      await guard.stop()
      if (!isUnreachable(err)) throw err
      log.warn({ err }, 'the database was lost while starting; waiting for it again')
    }
  }
  return undefined
}

function readConfiguration({ needs }: WorkerDefinition): Config {
  try {
    return loadConfig({ needs })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    exitMisconfigured(error)
  }
}

function exitMisconfigured(error: ConfigError): never {
  process.stderr.write(`${error.format()}\n`)
  process.exit(exitConfiguration)
}

/** An unhandled rejection or exception leaves the process in a state nobody has thought about: it ends, and PM2 starts another. */
function endOnBug(log: Logger): void {
  const end = (err: unknown): void => {
    log.fatal({ err }, 'a bug: ending the process')
    process.exit(exitFatal)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}

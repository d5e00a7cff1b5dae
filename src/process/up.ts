import { hostname } from 'node:os'
import process from 'node:process'
import { PinoPretty as pretty } from 'pino-pretty'
import { startAlertWatch } from '../alerts/watch.ts'
import { type Config, loadConfig } from '../config/config.ts'
import { startEmbedded } from '../db/embedded/embedded.ts'
import { lockHome } from '../db/embedded/home-lock.ts'
import { openHome } from '../db/embedded/location.ts'
import { pendingMigrations } from '../db/migration-state.ts'
import { migrateUp } from '../db/migrator.ts'
import { connectDatabase, type Database } from '../db/pool.ts'
import { startEmailWorker } from '../email/worker.ts'
import { startLifecycleWorker } from '../maintenance/worker.ts'
import { serveMetrics } from '../metrics/serve-metrics.ts'
import { startNotificationsWorker } from '../notifications/worker.ts'
import { administratorEmail, admitAdministrator } from '../ops/users/default-administrator.ts'
import { homeFolder } from '../runtime/folders.ts'
import { createLogger } from '../runtime/logger.ts'
import { Vitals } from '../runtime/vitals.ts'
import { requireRights } from './database-rights.ts'
import { closingMs, endIfNotStopped } from './deadline.ts'
import {
  addDemonstrationMails,
  addDemonstrationNotices,
  withdrawDemonstrationMails,
  withdrawDemonstrationNotices,
} from './demonstration.ts'
import { startHeartbeat } from './heartbeat.ts'
import { startInstallationGuard } from './installation-guard.ts'
import { changeLogLevelOnSignal } from './log-level.ts'
import { tellParentReady } from './parent.ts'
import type { RunningWorker, WorkerContext } from './run-worker.ts'
import { listenForShutdown } from './shutdown.ts'
import { type Place, usesOutbox, welcome } from './welcome.ts'

/** Where the fleet keeps its rows, and what to do with that at the end. */
interface Home extends Place {
  readonly directUrl: string
  stop(): Promise<void>
}

/** A database that lacks migrations; `fleet up` does not migrate a database that it did not make. */
class PendingMigrationsError extends Error {
  readonly code = 'MIGRATIONS_PENDING'
  readonly hint = 'Look at them with "fleet migrate status", apply them with "fleet migrate up".'
  readonly pending: readonly string[]

  constructor(pending: readonly string[]) {
    super(`The database lacks ${pending.length} migrations: ${pending.join(', ')}`)
    this.pending = pending
  }
}

/**
 * Runs the whole fleet in this process until it is told to stop: on the embedded database unless DATABASE_URL names another. Throws
 * `ConfigError`, `EmbeddedError` (`EMBEDDED_IN_USE` names the process that runs already) and `PendingMigrationsError`.
 */
export async function runUp(): Promise<void> {
  const shutdown = listenForShutdown()
  process.once('SIGHUP', () => shutdown.request('the terminal has closed'))
  const config = readConfiguration()
  const home = await openDatabase(config)
  const database = connectDatabase({ url: home.url, applicationName: 'fleet up', max: config.database.poolMax })
  try {
    await prepareDatabase(database, config, home)
    const login = await admit(database, config, { home, actor: ownerOf('up') })
    const log = createLogger({ level: config.logLevel, name: 'fleet', ...terminal() })
    for (const warning of [...config.warnings, ...unusedSettings(config, home)]) log.warn(warning)
    changeLogLevelOnSignal(log)
    endIfNotStopped(shutdown.signal, { afterMs: config.shutdownSeconds * 1000 + 2 * closingMs, log })
    const fleet = await startFleet({ config, database, directUrl: home.directUrl, log }, home, shutdown.signal)
    const alerts = startAlertWatch({
      ...withOutbox(
        { config, database, directUrl: home.directUrl, owner: ownerOf('up'), vitals: new Vitals(), log },
        home,
      ),
      tellsOfDatabase: true,
    })
    process.stdout.write(welcome(config, home, login))
    tellParentReady()
    await shutdown.requested
    log.info({ reason: shutdown.signal.reason }, 'stopping')
    await Promise.all([fleet.stop(), alerts.stop()])
  } finally {
    await database.close()
    // Last of all: until here there were outcomes to record.
    await home.stop()
  }
}

interface Worker {
  readonly name: string
  readonly directConnections: number
  readonly vitals: Vitals
  readonly start: (context: WorkerContext) => Promise<RunningWorker>
}

type Shared = Omit<WorkerContext, 'owner' | 'vitals'>

/** All workers of the fleet, and one page of metrics for them all. */
async function startFleet(shared: Shared, home: Home, stopping: AbortSignal): Promise<RunningWorker> {
  const startNotifications = (context: WorkerContext) => startNotificationsWorker(withOutbox(context, home))
  const workers: Worker[] = [
    { name: 'email', directConnections: 1, vitals: new Vitals(), start: startEmailWorker },
    { name: 'notifications', directConnections: 2, vitals: new Vitals(), start: startNotifications },
    { name: 'lifecycle', directConnections: 0, vitals: new Vitals(), start: startLifecycleWorker },
  ]
  const metrics = await serveMetrics({ ...shared, workers, stopping })
  const running: RunningWorker[] = []
  for (const worker of workers) running.push(await startOne(worker, shared))
  metrics.started()
  return {
    async stop() {
      await Promise.all(running.map((worker) => worker.stop()))
      await metrics.stop()
    },
  }
}

/** Each is known to the others as a worker of its own. */
async function startOne({ name, directConnections, vitals, start }: Worker, shared: Shared): Promise<RunningWorker> {
  const context = { ...shared, owner: ownerOf(name), vitals }
  const guard = await startInstallationGuard({ ...context, environment: context.config.environment })
  const running = await start(context)
  const heartbeat = await startHeartbeat({ ...context, name, directConnections })
  return {
    async stop() {
      await running.stop()
      await guard.stop()
      await heartbeat.stop()
    },
  }
}

function ownerOf(name: string): string {
  return `${name}@${hostname()}:${process.pid}`
}

function readConfiguration(): Config {
  const config = loadConfig()
  return config.database.url === undefined ? config : loadConfig({ needs: ['database', 'smtp'] })
}

async function openDatabase({ database: { url, directUrl } }: Config): Promise<Home> {
  if (url !== undefined) {
    const lock = await lockHome(await openHome(homeFolder))
    return { url, directUrl: directUrl ?? url, dataDirectory: undefined, stop: async () => lock.release() }
  }
  const embedded = await startEmbedded({ directory: homeFolder })
  const { dataDirectory } = embedded
  return { url: embedded.url, directUrl: embedded.url, dataDirectory, stop: () => embedded.stop() }
}

async function prepareDatabase({ db }: Database, config: Config, { dataDirectory }: Home): Promise<void> {
  if (dataDirectory === undefined) {
    await requireRights(db)
    const pending = await pendingMigrations(db)
    if (pending.length > 0) throw new PendingMigrationsError(pending)
    return
  }
  await migrateUp(db)
  if (config.email.smtpUrl === undefined) await addDemonstrationMails(db)
  else await withdrawDemonstrationMails(db)
  if (usesOutbox(config)) await addDemonstrationNotices(db)
  else await withdrawDemonstrationNotices(db)
}

/** Only on a database of our own: on any other its operators decide who logs in. */
async function admit({ db }: Database, config: Config, { home, actor }: { home: Home; actor: string }) {
  if (home.dataDirectory === undefined) return undefined
  return admitAdministrator(db, { given: config.admin.password, actor })
}

/** On the embedded database nothing is skipped for want of a bot: what it would send goes into the local outbox. */
function withOutbox(context: WorkerContext, { dataDirectory }: Home): WorkerContext {
  const { config } = context
  if (dataDirectory === undefined || !usesOutbox(config)) return context
  return { ...context, config: { ...config, telegram: { ...config.telegram, apiRoot: 'outbox:' } } }
}

function unusedSettings({ admin }: Config, { dataDirectory }: Home): string[] {
  if (dataDirectory !== undefined || admin.password === undefined) return []
  return [`ADMIN_PASSWORD counts on the embedded database only; here: fleet users set-password ${administratorEmail}`]
}

/** For people on a terminal, JSON for programs. */
function terminal() {
  return process.stdout.isTTY
    ? {
        destination: pretty({
          colorize: true,
          ignore: 'pid,hostname,name',
          translateTime: 'SYS:HH:MM:ss',
          singleLine: true,
          sync: true,
        }),
      }
    : {}
}

import { hostname } from 'node:os'
import { relative } from 'node:path'
import process from 'node:process'
import { PinoPretty as pretty } from 'pino-pretty'
import { type Config, loadConfig } from '../config/config.ts'
import { startEmbedded } from '../db/embedded/embedded.ts'
import { lockHome } from '../db/embedded/home-lock.ts'
import { openHome } from '../db/embedded/location.ts'
import { pendingMigrations } from '../db/migration-state.ts'
import { migrateUp } from '../db/migrator.ts'
import { connectDatabase, type Database } from '../db/pool.ts'
import { startEmailWorker } from '../email/worker.ts'
import { startLifecycleWorker } from '../maintenance/worker.ts'
import { startNotificationsWorker } from '../notifications/worker.ts'
import {
  type AdministratorPassword,
  administratorEmail,
  admitAdministrator,
} from '../ops/users/default-administrator.ts'
import { assertNever } from '../runtime/assert-never.ts'
import { homeFolder, mailboxFolder } from '../runtime/folders.ts'
import { createLogger } from '../runtime/logger.ts'
import { defaultPassword } from '../runtime/password-rules.ts'
import { requireRights } from './database-rights.ts'
import { closingMs, endIfNotStopped } from './deadline.ts'
import { addDemonstration, withdrawDemonstration } from './demonstration.ts'
import { tellParentReady } from './parent.ts'
import type { WorkerContext } from './run-worker.ts'
import { listenForShutdown } from './shutdown.ts'

/** Where the fleet keeps its rows, and what to do with that at the end. */
interface Home {
  readonly url: string
  readonly directUrl: string
  /** Only where the database is the embedded one. */
  readonly dataDirectory: string | undefined
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
    const owner = `up@${hostname()}:${process.pid}`
    await prepareDatabase(database, config, home)
    const login = await admit(database, config, { home, actor: owner })
    const log = createLogger({ level: config.logLevel, name: 'fleet', ...terminal() })
    for (const warning of [...config.warnings, ...unusedSettings(config, home)]) log.warn(warning)
    endIfNotStopped(shutdown.signal, { afterMs: config.shutdownSeconds * 1000 + 2 * closingMs, log })
    const context = { config, database, directUrl: home.directUrl, owner, log }
    const workers = [
      await startEmailWorker(context),
      await startNotificationsWorker(withOutbox(context, home)),
      await startLifecycleWorker(context),
    ]
    process.stdout.write(welcome(config, home, login))
    tellParentReady()
    await shutdown.requested
    log.info({ reason: shutdown.signal.reason }, 'stopping')
    await Promise.all(workers.map((worker) => worker.stop()))
  } finally {
    await database.close()
    // Last of all: until here there were outcomes to record.
    await home.stop()
  }
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
  if (config.email.smtpUrl === undefined) await addDemonstration(db)
  else await withdrawDemonstration(db)
}

/** Only on a database of our own: on any other its operators decide who logs in. */
async function admit({ db }: Database, config: Config, { home, actor }: { home: Home; actor: string }) {
  if (home.dataDirectory === undefined) return undefined
  return admitAdministrator(db, { given: config.admin.password, actor })
}

/** On the embedded database nothing is skipped for want of a bot: what it would send goes into the local outbox. */
function withOutbox(context: WorkerContext, { dataDirectory }: Home): WorkerContext {
  const { config } = context
  const { telegram } = config
  if (dataDirectory === undefined || telegram.botToken !== undefined) return context
  return { ...context, config: { ...config, telegram: { ...telegram, apiRoot: 'outbox:' } } }
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

function welcome(config: Config, { url, dataDirectory }: Home, login: AdministratorPassword | undefined): string {
  const address = new URL(url)
  const mail = config.email.smtpUrl
  const where =
    dataDirectory === undefined ? 'from DATABASE_URL' : `embedded PostgreSQL, data in ${shown(dataDirectory)}`
  const local = mail === undefined || mail.startsWith('mailbox:')
  const lines = [
    '',
    `The fleet is running (process ${process.pid}).`,
    '',
    `  Database   ${address.host}${address.pathname}: ${where}`,
    local
      ? `  Mail       goes into the local mailbox ${shown(mailboxFolder)}, as .eml files (SMTP_URL names a server)`
      : `  Mail       goes to ${new URL(mail).host}`,
    ...(login === undefined ? [] : [`  Login      ${describeLogin(login)}`]),
    '',
    'Try next, in a second terminal:',
    '',
    '  npx fleet status',
    '  npx fleet email list',
    '  npx fleet email send --to you@example.com --subject Hello --text "It works"',
    ...(local ? [`  ls ${shown(mailboxFolder)}`] : []),
    '',
    'Ctrl-C stops it.',
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** Of passwords it names the default one only, which everybody knows. */
function describeLogin(login: AdministratorPassword): string {
  const who = `to the platform as ${administratorEmail}`
  const another = 'npx fleet users set-password sets another'
  switch (login) {
    case 'default':
      return `${who} with the password ${defaultPassword} (ADMIN_PASSWORD or ${another})`
    case 'given':
      return `${who} with the password in ADMIN_PASSWORD`
    case 'own':
      return `${who} with the password that was set (${another})`
    case 'no such user':
      return `${administratorEmail} is not there any more (npx fleet users list)`
    default:
      return assertNever(login)
  }
}

/** Relative to where the user stands, where that is shorter. */
function shown(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}

import { type Config, loadConfig } from '../config/config.ts'
import { findEmbedded } from '../db/embedded/embedded.ts'
import { EmbeddedError } from '../db/embedded/embedded-error.ts'
import { pendingMigrations } from '../db/migration-state.ts'
import { connectDatabase, type Database } from '../db/pool.ts'
import { homeFolder } from '../runtime/folders.ts'
import { CliError } from './cli-error.ts'
import { exitStatus } from './exit-status.ts'

export interface DatabaseNeeds {
  /** Past a pooler, for migrations. */
  readonly direct?: boolean
  /** True where a database that lacks migrations is no obstacle. */
  readonly unmigrated?: boolean
  /** Read already, and its warnings told. */
  readonly config?: Config
  /** Connections at most: 2 by default. */
  readonly max?: number
  /** How long a statement may take: for ever by default. */
  readonly statementTimeoutMs?: number
  /** Told what is doubtful about the configuration. */
  readonly onWarning: (warning: string) => void
  /** Told what the database's functions say. */
  readonly onNotice: (notice: string) => void
}

/** A command waits as long as whoever gave it does, and Ctrl-C rolls it back. */
const forEver = 0

/**
 * The database that the configuration names, or else the embedded one that is running, with a first connection made.
 * @throws {ConfigError}
 * @throws {CliError} DATABASE_UNREACHABLE, EMBEDDED_NOT_RUNNING or DATABASE_NOT_MIGRATED
 */
export async function openDatabase(needs: DatabaseNeeds): Promise<Database> {
  const { direct, unmigrated, max = 2, statementTimeoutMs = forEver, onWarning, onNotice } = needs
  const config = needs.config ?? loadConfig()
  if (needs.config === undefined) for (const warning of config.warnings) onWarning(warning)
  const url = await chooseUrl(config, direct === true)
  const database = connectDatabase({ url, applicationName: 'fleet cli', max, statementTimeoutMs, onNotice })
  try {
    await reach(database, url)
    if (unmigrated !== true) await requireMigrated(database)
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}

async function chooseUrl({ database: { url, directUrl } }: Config, direct: boolean): Promise<string> {
  const configured = direct ? directUrl : url
  if (configured !== undefined) return configured
  const embedded = await findRunning()
  if (embedded !== undefined) return embedded.url
  throw new CliError('DATABASE_URL is not set, and the embedded PostgreSQL is not running', {
    code: 'EMBEDDED_NOT_RUNNING',
    hint: 'start it with npm start, or set DATABASE_URL',
    exitStatus: exitStatus.unreachable,
  })
}

async function findRunning(): Promise<{ url: string } | undefined> {
  try {
    return await findEmbedded({ directory: homeFolder })
  } catch (error) {
    if (!(error instanceof EmbeddedError)) throw error
    const { message, code, hint } = error
    throw new CliError(message, { code, hint, exitStatus: exitStatus.unreachable, cause: error })
  }
}

/** Whatever a first connection fails of, the database is out of reach: no server, a wrong password, no such database. */
async function reach({ pool }: Database, url: string): Promise<void> {
  try {
    const client = await pool.connect()
    client.release()
  } catch (error) {
    const { host, pathname } = new URL(url)
    throw new CliError(`the database ${host}${pathname} cannot be reached: ${reasonOf(error)}`, {
      code: 'DATABASE_UNREACHABLE',
      hint: 'see that PostgreSQL is running and that DATABASE_URL is right',
      exitStatus: exitStatus.unreachable,
      cause: error,
    })
  }
}

/** Where a name has several addresses, each attempt has an error of its own, and the whole has no message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join('; ')
  return error instanceof Error ? error.message : String(error)
}

async function requireMigrated({ db }: Database): Promise<void> {
  const pending = await pendingMigrations(db)
  if (pending.length > 0) throw notMigrated(pending)
}

/** A database that a command cannot work with, because it lacks these migrations. */
export function notMigrated(pending: readonly string[]): CliError {
  const what = pending.length === 1 ? `migration ${pending[0]}` : `${pending.length} migrations, from ${pending[0]} on`
  return new CliError(`the database lacks ${what}`, {
    code: 'DATABASE_NOT_MIGRATED',
    hint: 'apply them with: fleet migrate up',
    exitStatus: exitStatus.failed,
  })
}

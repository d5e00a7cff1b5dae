import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { DB } from './schema.ts'

export interface DatabaseOptions {
  /** A PostgreSQL connection string. What it says itself (`?application_name=…`) wins over the options here. */
  url: string
  applicationName: string
  /** Connections at most. */
  max?: number
  /** How long the server works on one statement before it cancels it; 0 for ever. Not set past a pooler. */
  statementTimeoutMs?: number
  /**
   * For a process that works a queue: its statements are planned once and kept, whatever size the tables have then, so never as scans
   * of a whole table. Not set past a pooler. A scan that nothing can replace is then planned as so dear that PostgreSQL up to 17 would
   * compile the statement first, for some 300 ms: that is off, too. None of its statements takes long: a connection on which an answer is
   * waited for more than 15 s is half-open, and closed.
   */
  keepsPlans?: boolean
  /** Told once of every connection that breaks, in use or idle. The pool opens another when one is wanted. */
  onError?: (error: Error) => void
  /** Told what functions and DO blocks say with RAISE NOTICE or WARNING; the server's own chatter is left out. */
  onNotice?: (message: string) => void
}

export interface Database {
  readonly db: Kysely<DB>
  readonly pool: pg.Pool
  /**
   * Runs a statement whose text is always the same under this name: prepared once for each connection, which saves most of its cost.
   * Past a pooler, which may not know of prepared statements, it runs as any other. A connection on which it fails, or gets no answer
   * for 15 s, is closed: it may be half-open, or lead to a server that only reads since another has taken over.
   */
  runPrepared<Row>(name: string, query: CompiledQuery<Row>): Promise<Row[]>
  /** Waits for what is under way, then for the sockets to be closed, 2 s at most. May be called more than once. */
  close(): Promise<void>
}

const TIMESTAMP_OID = 1114
const TIMESTAMPTZ_OID = 1184
const CONNECT_TIMEOUT_MS = 5_000
const IDLE_TIMEOUT_MS = 60_000
const CLOSE_TIMEOUT_MS = 2_000
const ANSWER_TIMEOUT_MS = 15_000
/** From then on the kernel asks every second whether the other end is there, and gives up after ten. Its own default is two hours. */
const KEEP_ALIVE_AFTER_MS = 10_000

/**
 * A pool whose sessions live in UTC: `timestamp` columns are read as UTC, and dates given as parameters are written
 * as UTC, whatever zone the process, the role or the server has. Connects at the first query, not before.
 */
export function connectDatabase(options: DatabaseOptions): Database {
  // The one switch node-postgres has for dates it sends. Without it a `timestamp` column is filled with local time;
  // for `timestamptz` it changes the notation only.
  pg.defaults.parseInputDatesAsUTC = true
  const { url, applicationName, max = 5, keepsPlans = false, onError = () => {}, onNotice } = options
  let isDirect = false
  const pool = new pg.Pool({
    connectionString: url,
    application_name: applicationName,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    types: utcTypes(),
    onConnect: async (client) => {
      isDirect = await prepareSession(client, options)
    },
  })
  pool.on('error', () => {}) // Repeats for idle connections what the listeners of the connections hear.
  const open = watchConnections(pool, onError)
  if (keepsPlans) pool.on('connect', endWhenSilent)
  if (onNotice) pool.on('connect', (client) => listenForNotices(client, onNotice))
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
  let closing: Promise<void> | undefined
  const close = async () => {
    await db.destroy()
    // Kysely ends the pool only if it has used it.
    if (!pool.ending) await pool.end()
    await Promise.race([Promise.all(open.values()), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
  }
  return {
    db,
    pool,
    async runPrepared<Row>(name: string, { sql: text, parameters }: CompiledQuery<Row>): Promise<Row[]> {
      const query = { text, values: [...parameters], query_timeout: ANSWER_TIMEOUT_MS }
      const { rows } = await pool.query(isDirect ? { ...query, name } : query)
      return rows
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

const UNREACHABLE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  '53300', // too_many_connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
])

// node-postgres gives these no code.
const UNREACHABLE_MESSAGES = [
  /^Connection terminated/,
  /^Client has encountered a connection error/,
  /^timeout e(xpired|xceeded when trying to connect)/,
  /^Query read timeout$/,
]

/**
 * Whether the error says that the database cannot be talked to right now, so that waiting and trying again may help.
 * Wrong passwords, missing databases and failing statements are not that. Looks into causes and aggregates.
 * Codes: Node's system errors, and PostgreSQL's class 08, 53300 and 57P0x (Appendix A of its manual).
 */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code !== undefined && (UNREACHABLE_CODES.has(code) || /^08...$/.test(code))) return true
  // The socket file of a server that is not running.
  if (code === 'ENOENT' && syscall === 'connect') return true
  if (UNREACHABLE_MESSAGES.some((pattern) => pattern.test(error.message))) return true
  if (error instanceof AggregateError && error.errors.some(isUnreachable)) return true
  return isUnreachable(error.cause)
}

function utcTypes(): pg.TypeOverrides {
  const types = new pg.TypeOverrides()
  const parseInstant: (text: string) => Date | number = pg.types.getTypeParser(TIMESTAMPTZ_OID, 'text')
  // 'infinity' has no digits and stays as it is; a year before Christ ends in ' BC'.
  types.setTypeParser(TIMESTAMP_OID, (text) => parseInstant(text.replace(/^(\d.*?)( BC)?$/, '$1+00$2')))
  return types
}

/**
 * Sent as a statement because PgBouncer refuses most startup parameters. It does follow TimeZone and DateStyle from
 * client to client, but not others, which would stay behind on a server connection that other programs are then given:
 * they are set only where no pooler stands between, which shows in the process id. Answers whether that is so.
 */
async function prepareSession(client: pg.ClientBase, options: DatabaseOptions): Promise<boolean> {
  const { statementTimeoutMs = 30_000, keepsPlans = false } = options
  const processId = 'processID' in client ? Number(client.processID) : 0
  const isDirect = `pg_backend_pid() = ${processId}`
  const { rows } = await client.query<{ isDirect: boolean }>({
    text: `SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, MDY', false),
      CASE WHEN ${isDirect} THEN set_config('statement_timeout', '${statementTimeoutMs}', false) END,
      CASE WHEN ${isDirect} AND ${keepsPlans} THEN set_config('enable_seqscan', 'off', false) || set_config('jit', 'off', false) END,
      ${isDirect} AS "isDirect"`,
    query_timeout: CONNECT_TIMEOUT_MS,
  } as pg.QueryConfig)
  return rows[0]?.isDirect ?? false
}

function listenForNotices(client: pg.PoolClient, onNotice: (message: string) => void): void {
  client.on('notice', ({ routine, message }) => {
    if (routine === 'exec_stmt_raise' && message !== undefined) onNotice(message)
  })
}

/** A transaction would wait for ever for the answer, and whoever is given the connection next as well. */
function endWhenSilent(client: pg.PoolClient): void {
  // What node-postgres has, and does not name in its types.
  const { connection } = client as unknown as { readonly connection: { readonly stream: Socket } }
  connection.stream.setTimeout(ANSWER_TIMEOUT_MS, () => {
    if ('readyForQuery' in client && client.readyForQuery === false) connection.stream.destroy()
  })
}

/** Every open connection with a promise of its end; a listener on each, as an 'error' without one ends the process. */
function watchConnections(pool: pg.Pool, onError: (error: Error) => void): Map<pg.PoolClient, Promise<void>> {
  const open = new Map<pg.PoolClient, Promise<void>>()
  pool.on('connect', (client) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    open.set(client, promise)
    client.once('end', () => {
      open.delete(client)
      resolve()
    })
    let broken = false
    client.on('error', (error) => {
      if (!broken) onError(error)
      broken = true
    })
  })
  return open
}

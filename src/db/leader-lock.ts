import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

export interface LeaderLockOptions {
  /** A direct connection: past a pooler in transaction mode the lock would be anybody's. */
  readonly url: string
  readonly applicationName: string
  /** What is led. */
  readonly name: string
  /** Ends the leading, promptly. */
  readonly signal: AbortSignal
  /** The connection is tried so often, in milliseconds, and has as long to answer. */
  readonly pulseMs?: number
}

const usualPulseMs = 1_000
const connectTimeoutMs = 5_000
/** How long the server is given to close the connection that we end. */
const goodbyeMs = 300

/**
 * Runs `work` in one process of the fleet at a time, by an advisory lock on a connection of its own. The signal that `work` is given is
 * aborted as soon as the connection is lost, or silent; whoever leads next begins only after a leader who has not noticed yet must
 * have. Answers false where another process leads; rejects where the database is out of reach, or was lost.
 */
export async function lead(
  options: LeaderLockOptions,
  work: (leading: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const { name, signal, pulseMs = usualPulseMs } = options
  signal.throwIfAborted()
  const socket = new Socket()
  const client = createClient(options, socket)
  const lost = new AbortController()
  client.on('error', (error) => lost.abort(error))
  client.on('end', () => lost.abort(new Error('The connection ended')))
  const leading = AbortSignal.any([signal, lost.signal])
  let pulse: NodeJS.Timeout | undefined
  try {
    await untilAborted(leading, client.connect())
    if (!(await untilAborted(leading, tryLock(client, name)))) return false
    pulse = setInterval(() => beat(client, pulseMs).catch((error) => lost.abort(error)), pulseMs)
    // A leader who has lost the lock learns of it within one pulse and one wait for an answer.
    await delay(3 * pulseMs, undefined, { signal: leading })
    await work(leading)
    if (!signal.aborted) lost.signal.throwIfAborted()
    return true
  } finally {
    clearInterval(pulse)
    await close(client, socket)
  }
}

function createClient({ url, applicationName }: LeaderLockOptions, socket: Socket): pg.Client {
  return new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    stream: () => socket,
  })
}

async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => {}) // Heard of here or, when it is too late, not at all.
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The server, too, is to notice soon when this host is gone, and to free the lock. */
async function tryLock(client: pg.Client, name: string): Promise<boolean> {
  await client.query('SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3')
  const { rows } = await client.query<{ locked: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
    [name],
  )
  return rows[0]?.locked === true
}

async function beat(client: pg.Client, timeoutMs: number): Promise<void> {
  // node-postgres knows `query_timeout` for one query; its types do not.
  const query: pg.QueryConfig & { query_timeout: number } = { text: 'SELECT 1', query_timeout: timeoutMs }
  await client.query(query)
}

/** `end` alone would wait for an answer to its goodbye for as long as TCP does. */
async function close(client: pg.Client, socket: Socket): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, goodbyeMs)
  await Promise.race([client.end().catch(() => {}), enough])
  clearTimeout(timer)
  socket.destroy()
}

import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

/** A direct connection string, or a pool. Not one behind a pooler in transaction mode: the lock belongs to a session. */
export type LockSource = pg.Pool | string

/** What is done under the lock. `lost` is aborted when the connection that holds the lock breaks, and the lock with it. */
export type UnderLock<T> = (lost: AbortSignal) => Promise<T>

const FIRST_DELAY_MS = 20
const LAST_DELAY_MS = 500

/**
 * Runs `act` while holding the session lock of that name, waiting for it as long as it takes. A pool gives up one
 * connection for the time. The lock is gone when this returns, throws, or the process dies.
 *
 * Waits by asking again and again: a session blocked in pg_advisory_lock holds a snapshot, and CREATE INDEX
 * CONCURRENTLY under the lock would wait for that snapshot, a deadlock.
 */
export async function withAdvisoryLock<T>(source: LockSource, key: string, act: UnderLock<T>): Promise<T> {
  return withSession(source, async (session) => {
    for (let delayMs = FIRST_DELAY_MS; !(await tryLock(session, key)); delayMs = Math.min(delayMs * 2, LAST_DELAY_MS)) {
      await delay(delayMs)
    }
    return act(session.lost)
  })
}

/** Like `withAdvisoryLock`, but returns null at once, without running `act`, while another session has the lock. */
export async function tryAdvisoryLock<T>(source: LockSource, key: string, act: UnderLock<T>): Promise<T | null> {
  return withSession(source, async (session) => ((await tryLock(session, key)) ? act(session.lost) : null))
}

interface Session {
  readonly client: pg.ClientBase
  readonly lost: AbortSignal
}

/** One connection for itself, which holds no lock any more when it is given back. */
async function withSession<T>(source: LockSource, act: (session: Session) => Promise<T>): Promise<T> {
  const { client, close } = await openClient(source)
  const lost = new AbortController()
  const onError = (error: Error) => lost.abort(error)
  client.on('error', onError)
  try {
    return await act({ client, lost: lost.signal })
  } finally {
    const clean = await unlock(client)
    await close(clean)
    if (clean) client.off('error', onError)
  }
}

async function openClient(
  source: LockSource,
): Promise<{ client: pg.ClientBase; close: (clean: boolean) => Promise<void> }> {
  if (typeof source !== 'string') {
    const client = await source.connect()
    return { client, close: async (clean) => client.release(!clean) }
  }
  const client = new pg.Client({ connectionString: source, keepAlive: true, connectionTimeoutMillis: 5_000 })
  await client.connect()
  return { client, close: () => client.end() }
}

async function tryLock({ client }: Session, key: string): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
    [key],
  )
  return rows[0]?.taken === true
}

/** False where the session is broken: closing it is what releases the lock then. */
async function unlock(client: pg.ClientBase): Promise<boolean> {
  return client.query('SELECT pg_advisory_unlock_all()').then(
    () => true,
    () => false,
  )
}

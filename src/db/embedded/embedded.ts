import pg from 'pg'
import { askDataDirectory, findOrphan } from './adoption.ts'
import { type Cluster, clusterUrl, dataDirectory, FLEET, logFile } from './cluster.ts'
import { ensureData } from './data-directory.ts'
import { type HomeLock, lockHome } from './home-lock.ts'
import { locateCluster, openHome } from './location.ts'
import { startPostmaster, stopPostmaster } from './postmaster.ts'
import { readRecord, writeRecord } from './server-record.ts'

/** A PostgreSQL of the project's own, which lives until `stop`, whatever signals the terminal sends. */
export interface Embedded {
  /** The database `fleet`, as its owner; with the password. */
  readonly url: string
  /** The server's process. */
  readonly pid: number
  /** Usually in the home; elsewhere where the server's user cannot get there. */
  readonly dataDirectory: string
  readonly logFile: string
  /** Ends all sessions and returns when the server has stopped. May be called more than once. */
  stop(): Promise<void>
}

export interface FoundEmbedded {
  readonly url: string
  readonly pid: number
}

/**
 * Starts the embedded PostgreSQL, or takes over one that a killed process left running. The first start makes the
 * data directory. `directory` is the project's `.fleet`; it is made if missing and closed to all other users.
 * @throws EmbeddedError with a code and a hint; EMBEDDED_IN_USE while another process has it
 */
export async function startEmbedded(options: { directory: string }): Promise<Embedded> {
  const home = await openHome(options.directory)
  const lock = await lockHome(home)
  try {
    const cluster = await locateCluster(home)
    return await start(cluster, home, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * The running embedded PostgreSQL of another process, for a second terminal; undefined where none answers.
 * @throws EmbeddedError EMBEDDED_FORBIDDEN when it belongs to another user
 */
export async function findEmbedded(options: { directory: string }): Promise<FoundEmbedded | undefined> {
  const record = await readRecord(options.directory)
  if (!record) return undefined
  const { url, pid } = record
  return (await askDataDirectory(url)) === record.dataDirectory ? { url, pid } : undefined
}

async function start(cluster: Cluster, home: string, lock: HomeLock): Promise<Embedded> {
  const password = await ensureData(cluster)
  const last = await readRecord(home)
  const { pid, port } = (await findOrphan(cluster, password)) ?? (await startPostmaster(cluster, last?.port))
  const server = { port, password }
  const url = clusterUrl(server, FLEET)
  try {
    await createDatabase(clusterUrl(server, 'postgres'))
    const owner = cluster.directory === home ? cluster.account : undefined
    await writeRecord(home, { url, pid, port, dataDirectory: dataDirectory(cluster) }, owner)
  } catch (error) {
    await stopPostmaster(cluster)
    throw error
  }
  let stopping: Promise<void> | undefined
  return {
    url,
    pid,
    dataDirectory: dataDirectory(cluster),
    logFile: logFile(cluster),
    stop() {
      stopping ??= stopPostmaster(cluster).finally(lock.release)
      return stopping
    },
  }
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [FLEET])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${FLEET}`)
  } finally {
    await client.end()
  }
}

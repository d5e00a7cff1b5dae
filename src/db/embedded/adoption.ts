import { execFile } from 'node:child_process'
import { readFile, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { isUnreachable } from '../pool.ts'
import { type Cluster, clusterUrl, dataDirectory, placeFile } from './cluster.ts'
import { type Postmaster, readPostmaster } from './postmaster.ts'

const PATIENCE_MS = 60_000
const ANSWER_TIMEOUT_MS = 5_000
/** Above every system's highest process id. */
const NO_PROCESS = 99_999_999

/**
 * The server that is already running on the cluster's data, because the process that started it was killed. One
 * that is still starting or stopping is waited for. Leaves the way free for a start where none runs.
 */
export async function findOrphan(cluster: Cluster, password: string): Promise<Postmaster | undefined> {
  const data = await realpath(dataDirectory(cluster))
  for (const deadline = performance.now() + PATIENCE_MS; ; await delay(100)) {
    const postmaster = await readPostmaster(cluster)
    if (!postmaster) return undefined
    if (!(await isPostgres(postmaster.pid, data))) {
      await disown(cluster, postmaster)
      return undefined
    }
    const answer = await askDataDirectory(clusterUrl({ ...postmaster, password }, 'postgres'))
    if (answer === data) return postmaster
    // Neither ours nor on its way up or down; PostgreSQL itself says best what is wrong.
    if (answer !== undefined || performance.now() > deadline) return undefined
  }
}

/**
 * Asks whatever listens there for its data directory. The answer is the server's own: by SCRAM both sides prove
 * that they know the password. Undefined while there is no answer, '' where one is refused.
 */
export async function askDataDirectory(url: string): Promise<string | undefined> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ path: string }>("SELECT current_setting('data_directory') AS path")
    return await realpath(rows[0]?.path ?? '')
  } catch (error) {
    return isUnreachable(error) ? undefined : ''
  } finally {
    await client.end().catch(() => {})
  }
}

/** Whether the process lives, is a PostgreSQL, and (where the system tells) works in that data directory. */
export async function isPostgres(pid: number, data: string): Promise<boolean> {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'comm=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
    return /postgres$/.test(stdout.trim())
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  if (!/^\d+ \(postgres\) [^ZX]/.test(status)) return false
  const directory = await readlink(`/proc/${pid}/cwd`).catch(() => data)
  return directory === data
}

/**
 * After a crash the pid in postmaster.pid may by now belong to an innocent process, and PostgreSQL would refuse to start. The
 * rest of the file is left: by it PostgreSQL makes sure that no process of the crashed server is left.
 */
async function disown(cluster: Cluster, postmaster: Postmaster): Promise<void> {
  const file = join(dataDirectory(cluster), 'postmaster.pid')
  const text = await readFile(file, 'utf8')
  await placeFile(file, text.replace(String(postmaster.pid), String(NO_PROCESS)), cluster.account)
}

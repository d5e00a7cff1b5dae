import { readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Cluster, dataDirectory, logFile, placeFile } from './cluster.ts'
import { EmbeddedError } from './embedded-error.ts'
import { runProgram } from './program.ts'

/** What a running PostgreSQL says of itself in its postmaster.pid. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
}

const LOG_LIMIT_BYTES = 8 * 1024 * 1024
const START_SECONDS = 120
const ATTEMPTS = 20

/**
 * Starts PostgreSQL on a free port of the loopback, the preferred one if it is free, and returns when it takes
 * connections, recovery after a crash included. It lives on when this process ends or its terminal sends Ctrl-C.
 * @throws EmbeddedError EMBEDDED_START_FAILED
 */
export async function startPostmaster(cluster: Cluster, preferredPort?: number): Promise<Postmaster> {
  const log = logFile(cluster)
  if ((await sizeOf(log)) > LOG_LIMIT_BYTES) await rm(log)
  let port = await freePort(preferredPort)
  let reason = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    await writeSettings(cluster, port)
    const logged = await sizeOf(log)
    const options = ['-D', dataDirectory(cluster), '-l', log, '-w', '-t', String(START_SECONDS), '-s']
    const { status, output } = await runProgram(cluster.binaries.pgCtl, ['start', ...options], cluster)
    if (status === 0) return await requirePostmaster(cluster)
    reason = (await readTail(log, logged)) || output
    if (/Address already in use/.test(reason)) port = await freePort()
    // The last processes of a killed server are still on their way out.
    else if (/pre-existing shared memory block/.test(reason)) await delay(250)
    else break
  }
  throw new EmbeddedError('EMBEDDED_START_FAILED', `PostgreSQL does not start: ${reason}`, {
    hint: `Its log is ${log}.`,
  })
}

/**
 * Ends every session and stops, after a checkpoint; without one if that takes longer than 20 s.
 * Does nothing where none runs.
 * @throws EmbeddedError EMBEDDED_STOP_FAILED
 */
export async function stopPostmaster(cluster: Cluster): Promise<void> {
  let output = ''
  for (const mode of ['fast', 'immediate']) {
    if (!(await readPostmaster(cluster))) return
    const options = ['-D', dataDirectory(cluster), '-w', '-t', '20', '-s', '-m', mode]
    const result = await runProgram(cluster.binaries.pgCtl, ['stop', ...options], cluster)
    if (result.status === 0 || /No such process/.test(result.output)) return
    output = result.output
  }
  if (!(await readPostmaster(cluster))) return
  throw new EmbeddedError('EMBEDDED_STOP_FAILED', `PostgreSQL does not stop: ${output}`, {
    hint: `Its log is ${logFile(cluster)}.`,
  })
}

/** The contents of postmaster.pid, which a killed server leaves behind: it alone does not say that one runs. */
export async function readPostmaster(cluster: Pick<Cluster, 'directory'>): Promise<Postmaster | undefined> {
  const text = await readFile(join(dataDirectory(cluster), 'postmaster.pid'), 'utf8').catch(() => '')
  const [pid, , , port] = text.split('\n').map(Number)
  return pid && port ? { pid, port } : undefined
}

async function requirePostmaster(cluster: Cluster): Promise<Postmaster> {
  const postmaster = await readPostmaster(cluster)
  if (postmaster) return postmaster
  throw new EmbeddedError('EMBEDDED_START_FAILED', 'PostgreSQL ended right after its start', {
    hint: `Its log is ${logFile(cluster)}.`,
  })
}

/** Written whole at every start; changes of one's own are made with ALTER SYSTEM, which is kept elsewhere. */
async function writeSettings(cluster: Cluster, port: number): Promise<void> {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 50,
    shared_buffers: '128MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    datestyle: 'ISO, MDY',
    lc_messages: 'C',
    default_text_search_config: 'pg_catalog.simple',
    password_encryption: 'scram-sha-256',
    ...cluster.settings,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`)
  const text = `# Written by the fleet at every start. For changes use ALTER SYSTEM.\n${lines.join('')}`
  await placeFile(join(dataDirectory(cluster), 'postgresql.conf'), text, cluster.account)
}

/** The preferred port if nobody has it, else any; somebody may still take it before PostgreSQL does. */
async function freePort(preferred = 0): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.once('error', reject)
  server.listen(preferred, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
  })
  return promise.catch((error: unknown) => {
    if (preferred === 0) throw error
    return freePort()
  })
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined)
  return found?.size ?? 0
}

async function readTail(file: string, from: number): Promise<string> {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0))
  return bytes.subarray(from).toString('utf8').trim().split('\n').slice(-10).join('\n')
}

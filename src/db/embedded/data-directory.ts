import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cluster, dataDirectory, FLEET, handOver, placeFile } from './cluster.ts'
import { EmbeddedError } from './embedded-error.ts'
import { type ProgramResult, runProgram } from './program.ts'

/**
 * Makes the data directory if there is none, and returns the superuser's password, which is kept inside it. A crash
 * at any moment leaves either no data directory or a whole one. Not to be run twice at once on one cluster.
 * @throws EmbeddedError EMBEDDED_INIT_FAILED, EMBEDDED_VERSION
 */
export async function ensureData(cluster: Cluster): Promise<string> {
  const data = dataDirectory(cluster)
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(ignoreMissing)
  if (version === undefined) {
    const found = await readdir(data).catch(ignoreMissing)
    if (found && found.length > 0) throw occupied(data)
    return createData(cluster)
  }
  if (Number(version) !== cluster.binaries.major) throw wrongVersion(data, version.trim(), cluster.binaries.major)
  return readFile(passwordFile(data), 'utf8')
}

async function createData(cluster: Cluster): Promise<string> {
  const data = dataDirectory(cluster)
  // A name of its own each time: the initdb of a killed process may still be writing into the last one.
  const partial = `${data}.partial-${randomBytes(4).toString('hex')}`
  const seed = `${partial}.password`
  await removeLeftovers(cluster)
  const password = randomBytes(24).toString('base64url')
  await placeFile(seed, password, cluster.account)
  await mkdir(partial, { mode: 0o700 })
  await handOver(partial, cluster.account)
  await initdb(cluster, partial, seed)
  await rename(seed, passwordFile(partial))
  await rename(partial, data)
  return password
}

async function removeLeftovers(cluster: Cluster): Promise<void> {
  for (const name of await readdir(cluster.directory)) {
    const path = join(cluster.directory, name)
    if (path.startsWith(`${dataDirectory(cluster)}.partial-`))
      await rm(path, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function initdb(cluster: Cluster, partial: string, seed: string): Promise<void> {
  let result: ProgramResult | undefined
  for (const locale of locales(cluster.binaries.major)) {
    result = await runProgram(
      cluster.binaries.initdb,
      [
        ...['-D', partial, `--username=${FLEET}`, `--pwfile=${seed}`, '--auth=scram-sha-256', '--encoding=UTF8'],
        ...['--text-search-config=simple', ...locale],
        ...(cluster.settings?.fsync === 'off' ? ['--no-sync'] : []),
      ],
      cluster,
    )
    if (result.status === 0) break
  }
  if (result?.status !== 0) {
    throw new EmbeddedError('EMBEDDED_INIT_FAILED', `PostgreSQL's initdb failed: ${result?.output}`, {
      hint: `Check the disk space and the permissions of ${cluster.directory}.`,
    })
  }
}

/**
 * Never the machine's locale, which may not be UTF-8. From 17 on PostgreSQL brings a locale of its own that knows the
 * case of every alphabet; before, C.UTF-8 does where the machine has it, and C only knows that of ASCII.
 */
function locales(major: number): string[][] {
  return major >= 17
    ? [['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']]
    : [['--locale=C.UTF-8'], ['--locale=C']]
}

function passwordFile(data: string): string {
  return join(data, 'fleet.password')
}

function wrongVersion(data: string, found: string, wanted: number): EmbeddedError {
  return new EmbeddedError(
    'EMBEDDED_VERSION',
    `${data} was made by PostgreSQL ${found}, and PostgreSQL ${wanted} is installed`,
    {
      hint:
        `To begin anew, move that folder away. To keep the data, go back to the version of the fleet that made it, copy ` +
        'them with pg_dump, and load them after the upgrade.',
    },
  )
}

function occupied(data: string): EmbeddedError {
  return new EmbeddedError('EMBEDDED_INIT_FAILED', `${data} is there, but holds no PostgreSQL data`, {
    hint: 'Move it away and start again.',
  })
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}

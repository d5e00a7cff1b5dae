import { mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, canEnter, chooseAccount } from '../../src/db/embedded/account.ts'
import { isPostgres } from '../../src/db/embedded/adoption.ts'
import { dataDirectory, handOver } from '../../src/db/embedded/cluster.ts'
import { readPostmaster } from '../../src/db/embedded/postmaster.ts'

const NAME = /^fleet-test-(\d+)-/
const MEMORY_BYTES = 2 * 1024 ** 3

/**
 * An empty folder that the user who runs PostgreSQL can use. In memory where there is plenty, unless it has to be on a
 * disk: there the thousand small files of a database take many times as long.
 */
export async function makeTemporaryFolder({ onDisk = false } = {}): Promise<string> {
  const account = await chooseAccount([])
  const parent = onDisk ? await diskFolder(account) : await parentFolder(account)
  const folder = await mkdtemp(join(parent, `fleet-test-${process.pid}-`))
  await handOver(folder, account)
  return folder
}

/** Ends the servers and removes the folders of earlier runs that were killed. */
export async function removeLeftovers(): Promise<void> {
  const account = await chooseAccount([])
  for (const parent of [await parentFolder(account), await diskFolder(account)]) await removeLeftoversIn(parent)
}

async function removeLeftoversIn(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const owner = NAME.exec(name)?.[1]
    if (owner === undefined || isAlive(Number(owner))) continue
    const directory = join(parent, name)
    const server = await readPostmaster({ directory })
    if (server && (await isPostgres(server.pid, dataDirectory({ directory })))) process.kill(server.pid, 'SIGQUIT')
    await rm(directory, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function parentFolder(account: Account | undefined): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => undefined)
  if (memory && memory.bavail * memory.bsize > MEMORY_BYTES) return '/dev/shm'
  return diskFolder(account)
}

async function diskFolder(account: Account | undefined): Promise<string> {
  return (await canEnter(tmpdir(), account)) ? tmpdir() : '/tmp'
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

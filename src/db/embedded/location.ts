import { createHash } from 'node:crypto'
import { access, chmod, constants, lstat, mkdir, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Account, canEnter, canRun, chooseAccount } from './account.ts'
import { type Binaries, completeLinks, copyBinaries, locateBinaries } from './binaries.ts'
import { type Cluster, dataDirectory, handOver } from './cluster.ts'
import { EmbeddedError } from './embedded-error.ts'

const OUTSIDE = ['/var/lib/vertex-ar-fleet', join(tmpdir(), 'vertex-ar-fleet'), '/tmp/vertex-ar-fleet']

/**
 * Makes the folder if need be, and closes it to everybody but its owner.
 * @throws EmbeddedError EMBEDDED_FORBIDDEN when it belongs to somebody else
 */
export async function openHome(directory: string): Promise<string> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
    return await realpath(directory)
  } catch (cause) {
    const owner = await stat(directory).catch(() => undefined)
    throw new EmbeddedError('EMBEDDED_FORBIDDEN', `${directory} cannot be used by this user`, {
      hint: owner ? `It belongs to user ${owner.uid}: run the fleet as that user.` : 'Check who owns the project.',
      cause,
    })
  }
}

/**
 * Decides who runs PostgreSQL and where its files are: in the home, which then belongs to that user; or, where root
 * hands over to a user who cannot get there (root's own home has mode 700), outside the project.
 * @throws EmbeddedError EMBEDDED_POSTGRES_MISSING, EMBEDDED_POSTGRES_BROKEN, EMBEDDED_ACCOUNT_MISSING, EMBEDDED_FORBIDDEN
 */
export async function locateCluster(home: string): Promise<Cluster> {
  const used = await findUsed([home, ...(await homesOutside(home))])
  const account = await chooseAccount(used ? [dataDirectory({ directory: used })] : [home])
  const inside = !account || (await canEnter(dirname(home), account))
  const directory = used ?? (inside ? home : join(await makeOutside(account), nameOf(home)))
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await handOver(directory, account)
  return { binaries: await locateRunnable(account), account, directory: await realpath(directory) }
}

/** The programs of a platform package where the account can run them: in node_modules, or else a copy outside. */
export async function locateRunnable(account: Account | undefined, packageName?: string): Promise<Binaries> {
  const binaries = await locateBinaries(packageName)
  await completeLinks(binaries)
  if (await canRun(binaries.postgres, account)) return binaries
  return copyBinaries(binaries, await makeOutside(account))
}

/** The first of the folders that has data, so that they are found again when permissions have changed meanwhile. */
async function findUsed(directories: readonly string[]): Promise<string | undefined> {
  for (const directory of directories) {
    if (await stat(dataDirectory({ directory })).catch(() => undefined)) return directory
  }
  return undefined
}

async function homesOutside(home: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return []
  const safe = await Promise.all(OUTSIDE.map(isRootsOwn))
  return OUTSIDE.filter((_, index) => safe[index]).map((root) => join(root, nameOf(home)))
}

function nameOf(home: string): string {
  return createHash('sha256').update(home).digest('hex').slice(0, 12)
}

/** A folder of root's that nobody else can write to and the account can enter. */
async function makeOutside(account: Account | undefined): Promise<string> {
  for (const root of OUTSIDE) {
    const made = await mkdir(root).catch(() => 'not made')
    if (made === undefined) await chmod(root, 0o755)
    if ((await isRootsOwn(root)) && (await canEnter(root, account))) return root
  }
  throw new EmbeddedError(
    'EMBEDDED_FORBIDDEN',
    `User ${account?.name} can reach neither the project nor ${OUTSIDE[0]}`,
    {
      hint: 'Put the project where other users may enter, under /opt or /srv for example, or run it as an ordinary user.',
    },
  )
}

/** Also false where root itself cannot write, as on a read-only file system. */
async function isRootsOwn(root: string): Promise<boolean> {
  const found = await lstat(root).catch(() => undefined)
  if (!found?.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) return false
  return access(root, constants.W_OK).then(
    () => true,
    () => false,
  )
}

import { access, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where a file goes, and how its name begins. */
export interface NewFile {
  /** Made where it is missing, for its owner alone. */
  readonly directory: string
  readonly stem: string
  readonly extension: string
}

/** The beginning of a name by which files sort by time: `20261122T194200.123Z-000012`, in UTC. */
export function datedStem(time: Date, id: number): string {
  return `${time.toISOString().replace(/[-:]/g, '')}-${String(id).padStart(6, '0')}`
}

/**
 * Writes a file of its own, readable by its owner only, under the next free name (`stem.txt`, `stem-2.txt`, …); answers its path. It is
 * durable once the promise resolves, and nobody sees a part of it. Any number of processes may write at once.
 */
export async function writeNewFile({ directory, stem, extension }: NewFile, content: Buffer): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  for (let copy = 1; ; copy += 1) {
    const name = copy === 1 ? `${stem}.${extension}` : `${stem}-${copy}.${extension}`
    const path = join(directory, name)
    if (await writeNew({ path, hidden: join(directory, `.${name}.part`) }, content)) {
      await syncDirectory(directory)
      return path
    }
  }
}

/**
 * False where the name is taken. Only one process can create the hidden file of a name, and only that one may put the
 * visible file there: a name that is free meanwhile stays free until the rename. Hard links would do it in one step,
 * but some file systems lack them.
 */
async function writeNew(file: { path: string; hidden: string }, content: Buffer): Promise<boolean> {
  try {
    await writeFile(file.hidden, content, { flag: 'wx', mode: 0o600, flush: true })
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    await rm(file.hidden, { force: true })
    throw error
  }
  if (await exists(file.path)) {
    await rm(file.hidden)
    return false
  }
  await rename(file.hidden, file.path)
  return true
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** The name is durable only once its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

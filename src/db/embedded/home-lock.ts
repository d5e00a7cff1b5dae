import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { EmbeddedError } from './embedded-error.ts'

export interface HomeLock {
  release(): void
}

const SQLITE_BUSY = 5
// Kept here so that no lock is lost to the garbage collector.
const held = new Set<DatabaseSync>()

/**
 * Takes the folder for this process until it releases it or ends, in whatever way: the lock is the operating system's
 * (SQLite's, on an empty file), so that unlike a file with a pid it is never stale and cannot be taken twice.
 * @throws EmbeddedError EMBEDDED_IN_USE, naming the process that has it
 */
export async function lockHome(home: string): Promise<HomeLock> {
  const file = new DatabaseSync(join(home, 'lock'))
  try {
    file.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    file.close()
    if (!(error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)) throw error
    throw await inUse(home)
  }
  held.add(file)
  await rm(pidFile(home), { force: true })
  await writeFile(pidFile(home), String(process.pid), { flag: 'wx', mode: 0o600 })
  return {
    release() {
      if (held.delete(file)) file.close()
    },
  }
}

async function inUse(home: string): Promise<EmbeddedError> {
  const pid = await readOwner(home)
  const owner = pid === undefined ? 'another process' : `process ${pid}`
  return new EmbeddedError('EMBEDDED_IN_USE', `The embedded PostgreSQL in ${home} is in use by ${owner}`, {
    hint:
      pid === undefined ? 'Stop that process first.' : `Stop it with Ctrl-C in its terminal, or with: kill -INT ${pid}`,
  })
}

/** Whoever has just taken the lock may not have written its pid yet, and that of the one before it may still stand there. */
async function readOwner(home: string): Promise<number | undefined> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const pid = Number(await readFile(pidFile(home), 'utf8').catch(() => 0))
    if (pid > 0 && isAlive(pid)) return pid
    await delay(50)
  }
  return undefined
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function pidFile(home: string): string {
  return join(home, 'lock.pid')
}

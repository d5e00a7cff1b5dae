import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const preloaded = (name: string) => ['--import', join(import.meta.dirname, '../preload', name)]

/** Node's options for a process whose memory is read with `residentMib`. */
export const collecting = ['--expose-gc', ...preloaded('collect-garbage.ts')]

/** Node's options for a worker that `loadedModules` is asked of. */
export const listing = preloaded('list-modules.ts')

/** Resident memory as the kernel counts it, once the process has collected its garbage. */
export async function residentMib(child: ChildProcess): Promise<number> {
  await answered(child, 'SIGUSR2')
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}

/** The URLs of what the process has loaded, in that order. */
export async function loadedModules(child: ChildProcess): Promise<string[]> {
  const { urls } = (await answered(child, 'SIGUSR2')) as { urls: string[] }
  return urls
}

async function answered(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  const answer = once(child, 'message')
  child.kill(signal)
  const [message] = await answer
  return message
}

import { statfs } from 'node:fs/promises'
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import { projectFolder } from '../runtime/folders.ts'

/** Shares from 0 to 1; the load may be above. */
export type HostUsage = Readonly<Record<'disk' | 'memory' | 'load', number>>

/**
 * How far this host is used: the file system that the project, its mailbox and logs are on, as far as we may write to it, the memory, and
 * what waits for the processors, over a minute.
 */
export async function readHostUsage(): Promise<HostUsage> {
  const { blocks, bfree, bavail } = await statfs(projectFolder)
  const used = blocks - bfree
  return {
    disk: used + bavail === 0 ? 0 : used / (used + bavail),
    memory: 1 - freemem() / totalmem(),
    load: (loadavg()[0] ?? 0) / availableParallelism(),
  }
}

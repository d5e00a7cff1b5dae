import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { projectFolder } from '../../runtime/folders.ts'

const execute = promisify(execFile)
const timeoutMs = 5_000
const usualKillTimeoutMs = 1_600

interface Described {
  readonly name: string
  readonly pm2_env: { readonly kill_timeout?: number; readonly pm_cwd?: string }
}

/** The processes that this user's PM2 runs in that folder; none where no PM2 runs, which is not started for that. */
export async function listPm2Processes(
  folder: string,
  { home = process.env.PM2_HOME ?? join(homedir(), '.pm2') }: { readonly home?: string } = {},
): Promise<{ name: string; killTimeoutMs: number }[]> {
  if (!(await isRunning(home))) return []
  const command = [join(projectFolder, 'node_modules/pm2/bin/pm2'), 'jlist', '--silent']
  const env = { ...process.env, PM2_DISCRETE_MODE: 'true', PM2_DISABLE_VERSION_CHECK: 'true', PM2_HOME: home }
  const { stdout } = await execute(process.execPath, command, { env, timeout: timeoutMs, maxBuffer: 2 ** 24 })
  const processes: readonly Described[] = JSON.parse(stdout.slice(stdout.lastIndexOf('\n[') + 1))
  return processes
    .filter(({ pm2_env: { pm_cwd: cwd } }) => cwd === folder)
    .map(({ name, pm2_env: { kill_timeout: killTimeoutMs = usualKillTimeoutMs } }) => ({ name, killTimeoutMs }))
}

async function isRunning(home: string): Promise<boolean> {
  try {
    return process.kill(Number(await readFile(join(home, 'pm2.pid'), 'utf8')), 0)
  } catch {
    return false
  }
}

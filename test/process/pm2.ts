import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import type { LogLine } from '../support/json-lines.ts'

const execute = promisify(execFile)

/** What `pm2 jlist` says of one instance of the e-mail worker. */
export interface Instance {
  readonly instance: number
  /** 0 when there is no process. */
  readonly pid: number
  readonly status: string
  readonly restarts: number
  readonly exitCode: number | undefined
}

export interface Pm2 {
  readonly daemonPid: number
  /** For `PM2_HOME`. */
  readonly home: string
  /** Runs `pm2 …` in the installation; answers its standard output. */
  run(...args: string[]): Promise<string>
  list(): Promise<Instance[]>
  /** What the e-mail workers have logged so far; throws on a line that is not JSON. */
  logs(): Promise<LogLine[]>
  /** What they have written to standard error. */
  errors(): Promise<string>
  /** Ends the workers and the daemon and removes its files, whatever state they are in. */
  remove(): Promise<void>
}

/** A PM2 with a daemon of its own, started, which tells nobody of it. */
export async function createPm2(directory: string, env: Readonly<Record<string, string>>): Promise<Pm2> {
  const home = await mkdtemp(join(tmpdir(), 'fleet-pm2-'))
  const cache = { NODE_COMPILE_CACHE: join(directory, '.compiled') }
  const quiet = { PM2_DISCRETE_MODE: 'true', PM2_DISABLE_VERSION_CHECK: 'true', PM2_NO_INTERACTION: 'true' }
  const options = {
    cwd: directory,
    env: { PATH: process.env.PATH, ...env, ...cache, ...quiet, PM2_HOME: home },
    maxBuffer: 2 ** 24,
    // Without its daemon a command would wait for ever.
    timeout: 50_000,
  }

  const run = async (...args: string[]): Promise<string> => {
    const command = [join(directory, 'node_modules/pm2/bin/pm2'), ...args]
    const { stdout } = await execute(process.execPath, command, options)
    return stdout
  }
  await run('ping')
  const daemon = Number(await readFile(join(home, 'pm2.pid'), 'utf8'))
  const readLog = (name: string) => readFile(join(home, 'logs', `fleet-email-${name}.log`), 'utf8').catch(() => '')
  return {
    daemonPid: daemon,
    home,
    run,
    list: async () => toInstances(JSON.parse(await run('jlist'))),
    logs: async () => parseLines(await readLog('out')),
    errors: () => readLog('error'),
    async remove() {
      await kill(daemon, home)
      for (const name of await readdir(join(home, 'pids'))) {
        await kill(Number(await readFile(join(home, 'pids', name), 'utf8')), directory)
      }
      await rm(home, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

export async function waitForEnd(pids: readonly number[]): Promise<void> {
  await expect.poll(() => pids.filter(isAlive)).toEqual([])
}

interface Pm2Process {
  readonly name: string
  readonly pid: number
  readonly pm2_env: {
    readonly NODE_APP_INSTANCE: number
    readonly status: string
    readonly restart_time: number
    readonly exit_code?: number
  }
}

function toInstances(processes: readonly Pm2Process[]): Instance[] {
  const emailWorkers = processes.filter(({ name }) => name === 'fleet-email')
  return emailWorkers.map(({ pid, pm2_env: state }) => ({
    instance: state.NODE_APP_INSTANCE,
    pid,
    status: state.status,
    restarts: state.restart_time,
    exitCode: state.exit_code,
  }))
}

function parseLines(text: string): LogLine[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Kills a process if it is still the one whose title names that folder: the number may have passed to another. */
async function kill(pid: number, folder: string): Promise<void> {
  const title = await execute('ps', ['-o', 'args=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  if (title.stdout.includes(folder) && isAlive(pid)) process.kill(pid, 'SIGKILL')
}

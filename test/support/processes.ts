import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { JsonLines, type LogLine } from './json-lines.ts'

export interface SpawnOptions {
  /** The project's root, or a copy of it. */
  readonly directory: string
  /** All of the environment, PATH apart; undefined leaves a variable out. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly script?: string
  /** Node's own options. */
  readonly nodeOptions?: readonly string[]
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface SpawnedWorker {
  readonly pid: number
  /** What it has logged so far. */
  readonly logs: readonly LogLine[]
  /** All of its standard error, once it has ended. */
  readonly stderr: Promise<string>
  /** When it has ended and all it wrote has been read. */
  readonly exit: Promise<Exit>
  readonly isReady: boolean
  /** Resolves when it has told its parent that it is ready; rejects when it ends before. */
  ready(): Promise<void>
  /** The first line with this text, now or later; rejects when it ends without. */
  logged(msg: string | RegExp): Promise<LogLine>
  signal(signal: NodeJS.Signals): void
  /** Sends the signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<Exit>
  /** Closes the IPC channel, as happens when the parent dies. */
  disconnect(): void
}

/**
 * Runs a worker as PM2 does: the script itself under this Node.js, with pipes and an IPC channel. Killed when the test ends, if it is
 * still there then.
 */
export function spawnWorker(options: SpawnOptions): SpawnedWorker {
  const { directory, env, script = 'workers/email.ts', nodeOptions = [] } = options
  const child = spawn(process.execPath, [...nodeOptions, script], {
    cwd: directory,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const exit = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const lines = new JsonLines(child.stdout, exit)
  const readiness = new Readiness(child)
  return {
    pid: child.pid ?? 0,
    logs: lines.read,
    stderr: text(child.stderr),
    exit,
    get isReady() {
      return readiness.reached
    },
    ready: () =>
      Promise.race([readiness.promise, exit.then((how) => fail('ended before it was ready', how, lines.read))]),
    logged: (msg) => lines.line(msg),
    signal: (signal) => void child.kill(signal),
    stop(signal) {
      child.kill(signal)
      return exit
    },
    disconnect: () => child.disconnect(),
  }
}

class Readiness {
  readonly promise: Promise<void>
  reached = false

  constructor(child: ChildProcess) {
    this.promise = new Promise((resolve) => {
      child.on('message', (message) => {
        if (message !== 'ready') return
        this.reached = true
        resolve()
      })
    })
  }
}

function fail(what: string, how: Exit, logs: readonly LogLine[]): never {
  const last = logs.slice(-5).map((line) => JSON.stringify(line))
  throw new Error(`The worker ${what} (${JSON.stringify(how)}):\n${last.join('\n')}`)
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { JsonLines, type LogLine } from './json-lines.ts'

export interface SpawnOptions {
  /** A copy of the project; compiled code is kept in it, which halves the time that the next process takes to start. */
  readonly directory: string
  /** The environment; nothing else but PATH is passed on. */
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
  /** Stops reading what it writes, as happens when the parent dies: its writes fail with EPIPE. */
  closePipes(): void
}

/** Runs a worker until the test ends, at most: then it is killed, if it is still there. */
export function spawnWorker(options: SpawnOptions): SpawnedWorker {
  const worker = spawnLastingWorker(options)
  onTestFinished(async () => {
    await worker.stop('SIGKILL')
  })
  return worker
}

/**
 * Runs a worker as PM2 does: the script itself under this Node.js, with pipes and an IPC channel. It lives until somebody ends it, or
 * until this process is gone.
 */
export function spawnLastingWorker(options: SpawnOptions): SpawnedWorker {
  const child = spawnPiped(options)
  const exit = whenEnded(child)
  const lines = new JsonLines(child.stdout, exit)
  let isReady = false
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message) => {
      isReady ||= message === 'ready'
      if (isReady) resolve()
    })
  })
  const endedUnready = exit.then(({ code, signal }) => {
    throw new Error(`The worker ended before it was ready (${code ?? signal}):\n${lines.tail()}`)
  })
  endedUnready.catch(() => {})
  return {
    pid: child.pid ?? 0,
    logs: lines.read,
    stderr: text(child.stderr).catch(() => ''),
    exit,
    get isReady() {
      return isReady
    },
    ready: () => Promise.race([ready, endedUnready]),
    logged: (msg) => lines.line(msg),
    signal: (signal) => void child.kill(signal),
    stop(signal) {
      child.kill(signal)
      return exit
    },
    disconnect: () => child.disconnect(),
    closePipes() {
      child.stdout.destroy()
      child.stderr.destroy()
    },
  }
}

type PipedProcess = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable }

function spawnPiped({ directory, env, script = 'workers/email.ts', nodeOptions = [] }: SpawnOptions): PipedProcess {
  const child = spawn(process.execPath, [...nodeOptions, script], {
    cwd: directory,
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(directory, '.compiled'), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('spawned without pipes')
  return Object.assign(child, { stdout, stderr })
}

/** Not by 'close', which never comes when it was the parent that closed the IPC channel. */
async function whenEnded(child: PipedProcess): Promise<Exit> {
  const streams = [once(child.stdout, 'close'), once(child.stderr, 'close')]
  const [code, signal] = await once(child, 'exit')
  await Promise.all(streams)
  return { code, signal }
}

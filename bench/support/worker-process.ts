import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'

export interface WorkerSettings {
  readonly databaseUrl: string
  readonly smtpUrl: string
  readonly connections: number
  /** Node's own options. */
  readonly execArgv?: readonly string[]
}

export interface WorkerProcess {
  readonly pid: number
  readonly child: ChildProcess
  /** From before it was started to its word that it is ready. */
  readonly startMs: number
  /** As an operator stops it; rejects when it does not end cleanly. */
  stop(): Promise<void>
}

export const projectRoot = join(import.meta.dirname, '../..')

/** Starts `workers/email.ts` as it is and waits until it is ready. Nothing of it is told otherwise but where to find things. */
export async function startEmailWorker(settings: WorkerSettings): Promise<WorkerProcess> {
  const { databaseUrl, smtpUrl, connections, execArgv = [] } = settings
  const startedAt = performance.now()
  const child = fork(join(projectRoot, 'workers/email.ts'), {
    cwd: projectRoot,
    execArgv: [...execArgv],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATABASE_URL: databaseUrl,
      SMTP_URL: smtpUrl,
      EMAIL_CONCURRENCY: String(connections),
      LOG_LEVEL: 'warn',
    },
  })
  const exit = new Promise<number | null>((resolve) => void child.once('exit', (code) => resolve(code)))
  await Promise.race([saidReady(child), exit.then(failed)])
  return {
    pid: child.pid ?? 0,
    child,
    startMs: performance.now() - startedAt,
    async stop() {
      child.kill('SIGINT')
      const code = await exit
      if (code !== 0) failed(code)
    },
  }
}

function saidReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      if (message === 'ready') resolve()
    })
  })
}

function failed(code: number | null): never {
  throw new Error(`The worker ended with ${code}`)
}

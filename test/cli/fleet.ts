import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { createInstallation, type Installation } from '../support/installation.ts'

export interface RunOptions {
  /** All of the environment, PATH apart. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Standard input; empty unless given. */
  readonly input?: string
}

export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `bin/fleet` of an installation, without a terminal. */
export interface Fleet {
  readonly installation: Installation
  /** The launcher's path. */
  readonly path: string
  run(args: readonly string[], options?: RunOptions): Promise<Run>
  /** Runs with `--json` and reads the document. Fails where standard output is anything but one. */
  json(
    args: readonly string[],
    options?: RunOptions,
  ): Promise<{ readonly code: number | null; readonly document: unknown }>
  environment(env?: RunOptions['env']): NodeJS.ProcessEnv
}

/** `env` holds for every run. */
export async function createFleet(env: RunOptions['env'] = {}): Promise<Fleet> {
  const installation = await createInstallation()
  const path = join(installation.directory, 'bin/fleet')
  const environment = (more: RunOptions['env'] = {}) => ({
    PATH: process.env.PATH,
    USER: 'ann',
    NODE_COMPILE_CACHE: join(installation.directory, '.cache'),
    ...env,
    ...more,
  })
  const run: Fleet['run'] = async (args, options = {}) => {
    const child = spawn(path, args, { env: environment(options.env), cwd: installation.directory })
    // A command that reads nothing may be gone before all of it is written.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code, stdout, stderr }
  }
  return {
    installation,
    path,
    environment,
    run,
    async json(args, options) {
      const { code, stdout } = await run(['--json', ...args], options)
      return { code, document: JSON.parse(stdout) }
    },
  }
}

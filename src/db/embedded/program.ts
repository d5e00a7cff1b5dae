import { spawn } from 'node:child_process'
import type { Account } from './account.ts'
import { EmbeddedError } from './embedded-error.ts'

export interface ProgramResult {
  /** The exit status; null where a signal ended the program. */
  readonly status: number | null
  /** What it printed on both streams, for messages. */
  readonly output: string
}

/**
 * Runs one of PostgreSQL's programs to its end, as the account. It inherits nothing from this process's environment: the
 * machine's locale and zone, and PGDATA, PGPORT and their like would change what it does. Nor does it hear the
 * terminal's Ctrl-C, which is for this process to act upon. Messages are in English.
 * @throws EmbeddedError EMBEDDED_POSTGRES_BROKEN when the program cannot be started at all
 */
export function runProgram(
  file: string,
  args: readonly string[],
  options: { account: Account | undefined; directory: string },
): Promise<ProgramResult> {
  const { account, directory } = options
  const child = spawn(file, args, {
    cwd: directory,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    // spawn takes ids as signed 32-bit numbers.
    ...(account ? { uid: account.uid | 0, gid: account.gid | 0 } : {}),
  })
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  }
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(unusable(file, account, cause)))
    child.once('close', (status) => resolve({ status, output: chunks.join('').trim() }))
  })
}

function unusable(file: string, account: Account | undefined, cause: Error): EmbeddedError {
  const who = account ? ` as ${account.name}` : ''
  return new EmbeddedError('EMBEDDED_POSTGRES_BROKEN', `${file} cannot be run${who}: ${cause.message}`, {
    hint:
      'It wants glibc (not musl, as on Alpine), a file system without "noexec" and, from root, the right to change users. ' +
      'Otherwise set DATABASE_URL to a PostgreSQL of your own.',
    cause,
  })
}

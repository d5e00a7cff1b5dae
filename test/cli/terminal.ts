import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { expect, vi } from 'vitest'
import type { Fleet } from './fleet.ts'

/** Gives a command a terminal, where it is that of util-linux: others take other options. */
const terminalProgram = 'script'
export const hasTerminals = /util-linux/.test(String(spawnSync(terminalProgram, ['--version']).stdout))

export interface TerminalRun {
  readonly code: number
  /** Everything on the screen, as it was written. */
  readonly screen: string
}

export interface TerminalOptions {
  readonly columns?: number
  /** What is done as soon as `waitFor` is on the screen. */
  readonly act?: (terminal: Writable) => unknown
  readonly waitFor?: string
}

/** Runs the command line in a terminal of its own. */
export async function runInTerminal(
  fleet: Fleet,
  command: string,
  options: TerminalOptions = {},
): Promise<TerminalRun> {
  const { columns = 80, waitFor = '[y/N]', act } = options
  // Ctrl-C is for the command alone.
  const script = `trap : INT; stty cols ${columns} rows 24; ${fleet.path} ${command}; echo "status $?"`
  const child = spawn(terminalProgram, ['-qec', script, '/dev/null'], {
    env: { ...fleet.environment(), SHELL: '/bin/sh' },
  })
  let screen = ''
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString('utf8')
  })
  const closed = once(child, 'close')
  if (act !== undefined) {
    await vi.waitFor(() => expect(screen).toContain(waitFor), { timeout: 15_000, interval: 20 })
    await act(child.stdin)
  }
  await closed
  const [, output = '', status = ''] = /^([\s\S]*)status (\d+)\s*$/.exec(screen.replaceAll('\r\n', '\n')) ?? []
  return { code: Number(status), screen: output }
}

/** For `act`: types these keys. */
export function type(keys: string): (terminal: Writable) => void {
  return (terminal) => void terminal.write(keys)
}

import { type Command, CommanderError } from 'commander'
import { exitStatus } from './exit-status.ts'
import type { Fault } from './fault.ts'

/** Whether commander ended the run because it had printed what it was asked for: help, or the version. */
export function isInformation(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === exitStatus.done
}

/** Commander's own error as a fault; undefined for any other error. */
export function toUsageFault(error: unknown, program: Command, argv: readonly string[]): Fault | undefined {
  if (!(error instanceof CommanderError)) return undefined
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  const help = `see ${commandPath(program, argv)} --help`
  return {
    code: 'USAGE',
    message: error.code === 'commander.help' ? 'say which command' : message,
    hint: suggestion === undefined ? help : `${suggestion.replace(/^\((.*)\)$/, '$1')} Or ${help}`,
    exitStatus: exitStatus.usage,
    isUnexpected: false,
  }
}

/** The command that the arguments name, as far as they name one: `fleet email list`. */
function commandPath(program: Command, argv: readonly string[]): string {
  const path = [program]
  for (const word of argv) {
    const next = path.at(-1)?.commands.find((command) => command.name() === word)
    if (next) path.push(next)
  }
  return path.map((command) => command.name()).join(' ')
}

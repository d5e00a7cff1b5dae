import { CliError } from './cli-error.ts'
import { exitStatus } from './exit-status.ts'

/** What the commands call the messages of a queue. */
export interface MessageWords {
  readonly noun: 'mail' | 'notification'
  /** What is about them. */
  readonly command: 'fleet email' | 'fleet notification'
  /** For programs, where there is no such message. */
  readonly unknownCode: 'MAIL_UNKNOWN' | 'NOTIFICATION_UNKNOWN'
}

export const mailWords: MessageWords = { noun: 'mail', command: 'fleet email', unknownCode: 'MAIL_UNKNOWN' }

export const notificationWords: MessageWords = {
  noun: 'notification',
  command: 'fleet notification',
  unknownCode: 'NOTIFICATION_UNKNOWN',
}

/** Ends a command that has found none of what it was to work on. */
export function unknownMessages({ noun, command, unknownCode }: MessageWords, ids: readonly number[]): CliError {
  const which = ids.length === 1 ? `the id ${ids[0]}` : `any of the ids ${ids.join(', ')}`
  return new CliError(`no ${noun} has ${which}`, {
    code: unknownCode,
    hint: `${command} list shows the latest ones`,
    exitStatus: exitStatus.failed,
  })
}

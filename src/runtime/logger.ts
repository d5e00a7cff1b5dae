import pino, { type DestinationStream, type Logger } from 'pino'
import { redactedText, redactFields, redactLine, secretFields } from './redact-secrets.ts'
import { serializeError } from './serialize-error.ts'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly level: string
  readonly name: string
  /** Takes the lines instead of standard output. */
  readonly destination?: DestinationStream
}

/**
 * A logger that writes one JSON object a line to standard output: `level` as a word, `time` in ISO 8601 UTC, `pid`, `hostname`,
 * `name`, `msg`. Secrets and the content of mails are left out by the
 * names of fields, and credentials within texts are masked. Each line is written before the call returns, so that none is lost
 * however the process ends; if nobody reads the pipe any more (EPIPE), lines are dropped and the process lives on.
 */
export function createLogger({ level, name, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      name,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      serializers: { err: serializeError, error: serializeError },
      // For the fields of child loggers, which the formatter does not see.
      redact: { paths: [...secretFields], censor: redactedText },
      hooks: { streamWrite: redactLine },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  )
}

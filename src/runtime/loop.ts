import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'

export interface LoopOptions {
  /** What the loop does, as it appears in the log: `lease renewal`. */
  readonly name: string
  readonly everyMs: number
  readonly log: Logger
  readonly run: () => Promise<unknown>
}

export interface Loop {
  /** Resolves when the run in progress, if any, has ended; none begins after the call. */
  stop(): Promise<void>
}

const remindAfterMs = 60_000

/**
 * Runs something again and again, `everyMs` after the end of the last run. A run that throws does not end the loop: it is logged when
 * it begins to fail, once a minute while it goes on failing, and when it works again.
 */
export function startLoop({ name, everyMs, log, run }: LoopOptions): Loop {
  const stopping = new AbortController()
  let failingSince: number | undefined
  let remindedAt = 0

  const once = async (): Promise<void> => {
    try {
      await run()
      if (failingSince !== undefined)
        log.info({ failedForMs: Math.round(performance.now() - failingSince) }, `${name} works again`)
      failingSince = undefined
    } catch (err) {
      failingSince ??= performance.now()
      if (remindedAt !== 0 && performance.now() - remindedAt < remindAfterMs) return
      remindedAt = performance.now()
      log.warn({ err }, `${name} fails; trying again`)
    }
  }

  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await delay(everyMs, undefined, { signal: stopping.signal, ref: true }).catch(() => {})
      if (!stopping.signal.aborted) await once()
    }
  }

  const ended = loop()
  return {
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

import type { Logger } from 'pino'
import type { PulseOptions, Vitals } from './vitals.ts'

export interface LoopOptions extends PulseOptions {
  /** What the loop does, as it appears in the log: `lease renewal`. */
  readonly name: string
  readonly everyMs: number
  readonly log: Logger
  readonly run: () => Promise<unknown>
  /** Told that it is to succeed, and each time it has. */
  readonly vitals: Vitals
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
export function startLoop({ name, everyMs, log, run, vitals, ...pulse }: LoopOptions): Loop {
  const reporter = createReporter(name, log)
  const succeeded = vitals.expect(name, everyMs, pulse)
  let timer: NodeJS.Timeout
  let running: Promise<void> = Promise.resolve()
  let stopped = false

  const once = async (): Promise<void> => {
    try {
      await run()
      succeeded()
      reporter.worked()
    } catch (err) {
      reporter.failed(err)
    }
    if (!stopped) schedule()
  }

  const schedule = (): void => {
    timer = setTimeout(() => {
      running = once()
    }, everyMs)
  }

  schedule()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}

function createReporter(name: string, log: Logger) {
  let failing: { readonly since: number; remindedAt: number } | undefined
  return {
    worked(): void {
      if (failing) log.info({ failedForMs: Math.round(performance.now() - failing.since) }, `${name} works again`)
      failing = undefined
    },
    failed(err: unknown): void {
      const now = performance.now()
      if (failing && now - failing.remindedAt < remindAfterMs) return
      failing = { since: failing?.since ?? now, remindedAt: now }
      log.warn({ err }, `${name} fails; trying again`)
    },
  }
}

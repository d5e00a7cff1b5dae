import { constants } from 'node:os'
import process from 'node:process'

export interface Shutdown {
  /** Aborts at the first SIGINT or SIGTERM, or when the parent's IPC channel closes; `reason` names which. */
  readonly signal: AbortSignal
  /** Resolves then. */
  readonly requested: Promise<void>
  /** Asks for it from inside. */
  request(reason: string): void
}

const parentGone = 'the parent process has gone'

/**
 * Listens for the ways a process is asked to stop: SIGINT (PM2, Ctrl-C), SIGTERM (systemd, Docker), and the end of the parent. A second
 * signal ends the process at once, with the status that a shell reports for it.
 */
export function listenForShutdown(): Shutdown {
  const controller = new AbortController()
  const request = (reason: string): void => {
    if (!controller.signal.aborted) controller.abort(reason)
  }
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name])
    request(name)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.once('disconnect', () => request(parentGone))
  // It may have gone while the modules were loading.
  if (process.send !== undefined && !process.connected) request(parentGone)
  const requested = new Promise<void>((resolve) => {
    if (controller.signal.aborted) resolve()
    controller.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  return { signal: controller.signal, requested, request }
}

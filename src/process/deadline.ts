import process from 'node:process'
import type { Logger } from 'pino'

/** After the drain's deadline: for giving back what is in hand and closing connections. Below what PM2's `kill_timeout` leaves. */
export const closingMs = 4_000

/** Ends the process with status 1 when it has not stopped in time after `signal`, on a connection gone silent perhaps. */
export function endIfNotStopped(signal: AbortSignal, { afterMs, log }: { afterMs: number; log: Logger }): void {
  const end = (): void => {
    log.fatal({ open: process.getActiveResourcesInfo() }, 'not stopped in time; ending the process')
    process.exit(1)
  }
  signal.addEventListener('abort', () => void setTimeout(end, afterMs).unref())
}

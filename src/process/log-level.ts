import process from 'node:process'
import type { Logger } from 'pino'

const chatty = 'debug'

/**
 * SIGUSR2 makes a running process log everything from `debug` up; the next one takes it back to what is configured. All parts of a worker
 * log by the same logger, so that they follow.
 */
export function changeLogLevelOnSignal(log: Logger): void {
  const configured = log.level
  process.on('SIGUSR2', () => {
    const next = log.level === chatty ? configured : chatty
    log.level = chatty
    log.info({ logLevel: next }, 'SIGUSR2: log level changed')
    log.level = next
  })
}

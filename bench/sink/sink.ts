import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Tally } from './conversation.ts'
import type { SinkCommand, SinkReport } from './sink-process.ts'

/** The mail server of the measurements, in a process of its own. */
export interface Sink {
  readonly url: string
  tally(): Promise<Tally>
  /** Counts from nothing again. */
  reset(): Promise<void>
  /** Makes `accepted` resolve for mails whose subject begins so. */
  announce(prefix: string): void
  /** When the mail with that subject was taken, on the clock that processes share. Ask before it is sent. */
  accepted(subject: string): Promise<number>
  stop(): Promise<void>
}

/** `stepMs`: how long it takes for each answer. */
export async function startSink({ stepMs = 0 } = {}): Promise<Sink> {
  const child = fork(join(import.meta.dirname, 'sink-process.ts'), [String(stepMs)])
  const port = Promise.withResolvers<number>()
  const tallies: ((tally: Tally) => void)[] = []
  const awaited = new Map<string, (acceptedAt: number) => void>()
  child.on('message', (report: SinkReport) => {
    if ('port' in report) port.resolve(report.port)
    else if ('tally' in report) tallies.shift()?.(report.tally)
    else awaited.get(report.subject)?.(report.acceptedAt)
  })
  const exit = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  void exit.then(() => port.reject(new Error('The sink ended')))
  const tally = () => {
    const told = new Promise<Tally>((resolve) => tallies.push(resolve))
    say(child, { ask: 'tally' })
    return told
  }
  return {
    url: `smtp://127.0.0.1:${await port.promise}`,
    tally,
    async reset() {
      say(child, { ask: 'reset' })
      await tally()
    },
    announce: (prefix) => say(child, { announce: prefix }),
    accepted(subject) {
      const { promise, resolve } = Promise.withResolvers<number>()
      awaited.set(subject, resolve)
      return promise.finally(() => awaited.delete(subject))
    },
    async stop() {
      child.disconnect()
      await exit
    },
  }
}

function say(child: ChildProcess, command: SinkCommand): void {
  child.send(command)
}

import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** A line as pino writes it. */
export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

interface Waiter {
  readonly matches: (line: LogLine) => boolean
  readonly found: (line: LogLine) => void
}

/** Reads a log as it is written, and waits for what is still to come. Throws on a line that is not JSON. */
export class JsonLines {
  readonly read: LogLine[] = []
  readonly #ended: Promise<unknown>
  readonly #waiting = new Set<Waiter>()

  /** `ended`: when no more will come. */
  constructor(stream: Readable, ended: Promise<unknown>) {
    this.#ended = ended
    createInterface({ input: stream }).on('line', (text) => this.#take(JSON.parse(text)))
  }

  /** The first line with this text, among those read or to come; rejects when the end comes first. */
  async line(msg: string | RegExp): Promise<LogLine> {
    const matches = (line: LogLine) => (typeof msg === 'string' ? line.msg === msg : msg.test(line.msg))
    const already = this.read.find(matches)
    if (already) return already
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>()
    const waiter = { matches, found: resolve }
    this.#waiting.add(waiter)
    void this.#ended.then(() => reject(new Error(`The log ended without ${msg}:\n${this.tail()}`)))
    return promise.finally(() => this.#waiting.delete(waiter))
  }

  /** The last lines, for the messages of errors. */
  tail(): string {
    return this.read
      .slice(-5)
      .map((line) => JSON.stringify(line))
      .join('\n')
  }

  #take(line: LogLine): void {
    this.read.push(line)
    for (const waiter of this.#waiting) if (waiter.matches(line)) waiter.found(line)
  }
}

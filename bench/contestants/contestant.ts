import type { Sink } from '../sink/sink.ts'
import type { Arena } from '../support/arena.ts'

/** What every contestant is given. */
export interface Ring {
  readonly arena: Arena
  readonly sink: Sink
  /** SMTP connections altogether, over all processes of the contestant. */
  readonly connections: number
  readonly mails: number
}

/** A way to send mails, with its own database and processes. */
export interface Contestant {
  readonly name: string
  /** Gets everything ready, so that nothing is missing but the start. */
  enter(ring: Ring): Promise<Entered>
}

export interface Entered {
  /** What of it is set, for the reader. */
  readonly settings: Readonly<Record<string, string | number | boolean>>
  go(): Promise<void>
  /** How many outcomes are not yet durable in the database. */
  unrecorded(): Promise<number>
  /** Ends the processes and drops the database. */
  leave(): Promise<void>
}

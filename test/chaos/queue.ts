import type { Kysely } from 'kysely'
import type { DB } from '../../src/db/schema.ts'
import type { Evidence, Tables, Violation } from './evidence.ts'
import type { Fault, Strike } from './faults/fault.ts'
import type { Mutation } from './mutations.ts'
import type { Random } from './random.ts'
import type { Sink } from './sink.ts'

/** How a worker is set up. */
export interface WorkerSettings {
  readonly connections: number
  readonly leaseSeconds: number
  /** How long it waits for an answer, where that can be set. */
  readonly answerTimeoutMs: number
}

/** How fast rows arrive: so many at once at most, and the pause between. */
export interface Rate {
  readonly most: number
  readonly everyMs: number
}

/** Inserts so many rows as other programs do; answers the ids of those that the database has confirmed. */
export type Produce = (count: number) => Promise<readonly number[]>

/** What is put to the test: a queue, the worker that empties it, and the server that counts what arrives. */
export interface Queue<S extends Sink = Sink> {
  /** As `--queue` takes it. */
  readonly name: 'mail' | 'notifications'
  readonly table: 'email_queue' | 'notifications'
  /** Of the worker. */
  readonly script: string
  /** Somewhat more than two workers get done, so that there is always something to do. */
  readonly rate: Rate
  /** Faults of the server, beside those that every queue has to stand. */
  readonly faults: readonly Fault<S>[]
  /** For each safeguard what it is there for, provoked. */
  readonly directed: Readonly<Partial<Record<Mutation, Strike<S>>>>
  /** Whether the worker runs this module, named by its path below `src`: then its awaits are fault points. */
  isDrainModule(file: string): boolean
  createSink(random: Random): S
  environment(sink: S, settings: WorkerSettings): Readonly<Record<string, string>>
  createProducer(db: Kysely<DB>, random: Random): Produce
  /** As if there had never been a round. */
  clear(db: Kysely<DB>): Promise<void>
  /** What the database has to say of a round. */
  readTables(db: Kysely<DB>): Promise<Tables>
  /** What breaks the guarantees that this queue gives beside those of every queue. */
  findOwnViolations(db: Kysely<DB>, sink: S, evidence: Evidence): Promise<readonly Violation[]>
}

import type { TestCluster } from '../../support/cluster.ts'
import type { TestDatabase } from '../../support/database.ts'
import type { Crew } from '../crew.ts'
import type { Load } from '../load.ts'
import type { FaultPointOrder } from '../orders.ts'
import type { Queue } from '../queue.ts'
import type { Random } from '../random.ts'
import type { Sink } from '../sink.ts'

/** What a fault can lay its hands on. */
export interface Stage<S extends Sink = Sink> {
  readonly queue: Queue<S>
  readonly sink: S
  readonly crew: Crew
  readonly load: Load
  readonly cluster: TestCluster
  readonly database: TestDatabase
  readonly leaseSeconds: number
}

/** A fault with all of its parameters. */
export interface Strike<S extends Sink = Sink> {
  /** The parameters, for the table. */
  readonly detail: string
  /** How long workers wait for an answer, where that can be set. */
  readonly answerTimeoutMs?: number
  /** The points at which the first workers kill themselves. */
  readonly orders?: readonly FaultPointOrder[]
  /** Does it, and returns when conditions are good again. */
  strike(stage: Stage<S>): Promise<void>
}

export interface Fault<S extends Sink = Sink> {
  /** As `--only` takes it. */
  readonly name: string
  /** It strikes at another place each time, of so many that it needs more rounds than others. */
  readonly hasPlaces?: true
  /** `turn` counts the rounds that had this fault before. */
  plan(random: Random, turn: number): Strike<S>
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Frozen } from '../crew.ts'
import { countUnfinished } from '../evidence.ts'
import type { Sink } from '../sink.ts'
import { until } from '../until.ts'
import type { Stage, Strike } from './fault.ts'

/** How a queue's attempts are kept from being handed over. */
export interface Obstacle<S extends Sink> {
  /** More rows than two workers begin with at once, none of which waits for another. */
  readonly rows: number
  /** Sets it up for so many lanes. */
  hinder(stage: Stage<S>, lanes: number): Promise<Hindrance>
}

/** Keeps attempts from being handed over. */
export interface Hindrance {
  /** Whether all lanes have come to it. */
  isComplete(): Promise<boolean>
  release(): Promise<void>
}

const withinMs = 30_000
/** More than one worker has connections: at least one of each is among them. */
const ofBoth = 5
/** All connections. */
export const everyone = 8
/** For a worker that goes on, to do its harm. */
export const comeBackMs = 3_000

/** What each safeguard of the leased table is there for, provoked. */
export function directedStrikes<S extends Sink>(
  obstacle: Obstacle<S>,
): Record<'fence' | 'hand-over mark' | 'lease check', Strike<S>> {
  return {
    fence: {
      detail: 'a worker comes back late and gives rows back that another is handing over',
      async strike(stage) {
        const { sink, database, queue } = stage
        const late = await freezeInMidst(stage, obstacle)
        await waitFor(async () => (await countUnfinished(database.db, queue, { exceptOf: late.pid })) === 0)
        sink.stallAnswers()
        await waitFor(() => sink.stalled >= 2)
        late.thaw()
        await delay(comeBackMs)
        sink.behave({ wake: true })
      },
    },
    'hand-over mark': {
      detail: 'a worker is killed that waits for answers',
      async strike({ crew, sink }) {
        sink.stallAnswers()
        await waitFor(() => sink.stalled >= ofBoth)
        crew.kill(0)
        sink.behave({ wake: true })
      },
    },
    'lease check': {
      detail: 'a worker comes back late with rows that it has not handed over',
      async strike(stage) {
        const late = await freezeInMidst(stage, obstacle)
        await waitFor(() => hasNothing(stage))
        late.thaw()
        await delay(comeBackMs)
      },
    },
  }
}

/** Throws where a directed round does not come to its point. */
export async function waitFor(holds: () => boolean | Promise<boolean>): Promise<void> {
  if (!(await until(holds, { withinMs }))) throw new Error('The directed round did not come to its point')
}

/** Stops a worker while all of its lanes are right before a hand-over: rows in hand, and nothing handed over. */
async function freezeInMidst<S extends Sink>(stage: Stage<S>, obstacle: Obstacle<S>): Promise<Frozen> {
  const { crew, load } = stage
  await load.stop()
  await waitFor(() => hasNothing(stage))
  const hindrance = await obstacle.hinder(stage, everyone)
  await load.burst(obstacle.rows)
  await waitFor(() => hindrance.isComplete())
  const frozen = crew.freeze(0)
  await hindrance.release()
  return frozen
}

/** Whether nothing is left to do. */
export async function hasNothing<S extends Sink>({ database, queue }: Stage<S>): Promise<boolean> {
  return (await countUnfinished(database.db, queue)) === 0
}

import { setTimeout as delay } from 'node:timers/promises'
import { findViolations, type Tally, tally } from './checks.ts'
import { Crew } from './crew.ts'
import { countUnfinished, type Evidence, type Violation } from './evidence.ts'
import type { Stage } from './faults/fault.ts'
import { Load } from './load.ts'
import type { Mutation } from './mutations.ts'
import type { RoundPlan } from './plan.ts'
import type { Queue } from './queue.ts'
import type { Scene } from './scene.ts'
import { until } from './until.ts'

export interface RoundResult {
  readonly plan: Pick<RoundPlan, 'round' | 'fault' | 'strike'>
  readonly tally: Tally
  readonly violations: readonly Violation[]
  /** From the end of the fault to the end of the last row that was there then. */
  readonly recoveryMs: number
  /** The fault points at which processes killed themselves. */
  readonly reached: readonly string[]
}

const connections = 4
/** As short as the configuration allows. */
const leaseSeconds = 5
const answerTimeoutMs = 30_000
/** What the server has taken before the fault. */
const warm = 60
const warmWithinMs = 30_000
/** What the database has not seen finished by then is lost. */
const recoverWithinMs = 120_000
/** Rows keep arriving for so long after the fault. */
const afterwardsMs = 200

export interface Trial {
  readonly queue: Queue
  readonly plan: RoundPlan
  readonly mutation?: Mutation | undefined
}

/** One round: load, a fault, recovery, and what is left then. */
export async function runRound(scene: Scene, { queue, plan, mutation }: Trial): Promise<RoundResult> {
  const { database, installation } = scene
  await queue.clear(database.db)
  const { random, strike } = plan
  const sink = queue.createSink(random)
  await sink.start()
  const settings = { connections, leaseSeconds, answerTimeoutMs: strike.answerTimeoutMs ?? answerTimeoutMs }
  const crew = new Crew({
    directory: installation.directory,
    script: queue.script,
    env: { DATABASE_URL: database.workerUrl, LOG_LEVEL: 'warn', ...queue.environment(sink, settings) },
    orders: strike.orders ?? [],
    mutation,
  })
  const load = new Load(queue, database.db, random)
  const stage = { ...scene, queue, sink, crew, load, leaseSeconds }
  try {
    await crew.ready()
    load.start()
    await until(() => sink.accepted >= warm, { withinMs: warmWithinMs })
    await strike.strike(stage)
    const recoveryMs = await recover(stage)
    await crew.stop()
    return { ...(await judge(stage)), plan, recoveryMs, reached: crew.reached }
  } finally {
    crew.abandon()
    await load.stop()
    await sink.stop()
  }
}

async function judge({ database, queue, sink, crew, load }: Stage): Promise<Pick<RoundResult, 'tally' | 'violations'>> {
  const { confirmed } = load
  const { deliveries, refused } = sink
  const { bereft, departures, bugs } = crew
  const tables = await queue.readTables(database.db)
  const evidence: Evidence = { ...tables, confirmed, deliveries, refused, connections, bereft, departures, bugs }
  const own = await queue.findOwnViolations(database.db, sink, evidence)
  return { tally: tally(evidence), violations: [...findViolations(evidence), ...own] }
}

/** Waits until nothing is left to do; answers how long it took with what was there at once. */
async function recover({ database, queue, load }: Stage): Promise<number> {
  const startedAt = performance.now()
  const last = load.confirmed.at(-1) ?? 0
  const isDone = async (upTo?: number): Promise<boolean> => {
    const left = countUnfinished(database.db, queue, upTo === undefined ? {} : { upTo })
    return (await left.catch(() => Number.NaN)) === 0
  }
  const ended = delay(afterwardsMs).then(() => load.stop())
  await until(() => isDone(last), { withinMs: recoverWithinMs })
  const recoveryMs = performance.now() - startedAt
  await ended
  await until(() => isDone(), { withinMs: Math.max(0, recoverWithinMs - recoveryMs) })
  return recoveryMs
}

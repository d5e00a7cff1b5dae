import { setTimeout as delay } from 'node:timers/promises'
import { findViolations, type Tally, tally, type Violation } from './checks.ts'
import { Crew } from './crew.ts'
import { clearTables, countUnfinished, type Evidence, readTables } from './evidence.ts'
import type { Stage } from './faults/fault.ts'
import { Load } from './load.ts'
import type { Mutation } from './mutations.ts'
import type { RoundPlan } from './plan.ts'
import type { Scene } from './scene.ts'
import { Sink } from './sink.ts'
import { until } from './until.ts'

export interface RoundResult {
  readonly plan: Pick<RoundPlan, 'round' | 'fault' | 'strike'>
  readonly tally: Tally
  readonly violations: readonly Violation[]
  /** From the end of the fault to the end of the last mail that was there then. */
  readonly recoveryMs: number
  /** The fault points at which processes killed themselves. */
  readonly reached: readonly string[]
}

const connections = 4
/** As short as the configuration allows. */
const leaseSeconds = 5
const smtpTimeoutMs = 30_000
const thinkMs = 12
/** Mails that have gone out before the fault. */
const warm = 60
const warmWithinMs = 30_000
/** What the database has not seen finished by then is lost. */
const recoverWithinMs = 120_000
/** Mails keep arriving for so long after the fault. */
const afterwardsMs = 200

/** One round: load, a fault, recovery, and what is left then. */
export async function runRound(scene: Scene, plan: RoundPlan, mutation?: Mutation): Promise<RoundResult> {
  const { database } = scene
  await clearTables(database.db)
  const { random, strike } = plan
  const sink = new Sink({ chance: () => random.next(), thinkMs })
  await sink.start()
  const crew = new Crew({
    directory: scene.installation.directory,
    env: environment(scene, sink, strike.smtpTimeoutMs ?? smtpTimeoutMs),
    orders: strike.orders ?? [],
    mutation,
  })
  const load = new Load(database.db, random)
  try {
    await crew.ready()
    load.start()
    await until(() => sink.accepted >= warm, { withinMs: warmWithinMs })
    await strike.strike({ ...scene, sink, crew, load, leaseSeconds })
    const recoveryMs = await recover(scene, load)
    await crew.stop()
    return { ...(await judge(scene, { sink, crew, load })), plan, recoveryMs, reached: crew.reached }
  } finally {
    crew.abandon()
    await load.stop()
    await sink.stop()
  }
}

type Traces = Pick<Stage, 'sink' | 'crew' | 'load'>

async function judge(
  { database }: Scene,
  { sink, crew, load }: Traces,
): Promise<Pick<RoundResult, 'tally' | 'violations'>> {
  const { confirmed } = load
  const { deliveries, refused } = sink
  const { bereft, departures, bugs } = crew
  const tables = await readTables(database.db)
  const evidence: Evidence = { ...tables, confirmed, deliveries, refused, connections, bereft, departures, bugs }
  return { tally: tally(evidence), violations: findViolations(evidence) }
}

/** Waits until nothing is left to do; answers how long it took with what was there at once. */
async function recover({ database }: Scene, load: Load): Promise<number> {
  const startedAt = performance.now()
  const last = load.confirmed.at(-1) ?? 0
  const isDone = async (upTo?: number): Promise<boolean> =>
    (await countUnfinished(database.db, upTo).catch(() => Number.NaN)) === 0
  const ended = delay(afterwardsMs).then(() => load.stop())
  await until(() => isDone(last), { withinMs: recoverWithinMs })
  const recoveryMs = performance.now() - startedAt
  await ended
  await until(() => isDone(), { withinMs: Math.max(0, recoverWithinMs - recoveryMs) })
  return recoveryMs
}

function environment({ database }: Scene, sink: Sink, timeoutMs: number): Record<string, string> {
  const timeouts = new URLSearchParams(
    ['connectionTimeout', 'greetingTimeout', 'socketTimeout'].map((name) => [name, String(timeoutMs)]),
  )
  return {
    DATABASE_URL: database.workerUrl,
    SMTP_URL: `smtp://127.0.0.1:${sink.port}/?${timeouts}`,
    EMAIL_CONCURRENCY: String(connections),
    EMAIL_LEASE_SECONDS: String(leaseSeconds),
    EMAIL_BACKOFF: '200ms-1s',
    LOG_LEVEL: 'warn',
  }
}

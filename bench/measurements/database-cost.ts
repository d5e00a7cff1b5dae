import pg from 'pg'
import { fleet } from '../contestants/fleet.ts'
import type { Options } from '../options.ts'
import type { Condition, DatabaseCost } from '../report/results.ts'
import { type Sink, startSink } from '../sink/sink.ts'
import type { Arena } from '../support/arena.ts'
import { readUsage } from '../support/cluster-usage.ts'
import { until } from '../support/until.ts'
import { makeHistory } from './history.ts'

/**
 * What PostgreSQL spends on a mail, from the commit that makes the mails visible to the end of the worker, who has recorded all: among
 * few and among many rows of history, and among few while another session holds a snapshot open. Each run has a fresh copy of its
 * database.
 */
export async function measureDatabaseCost(arena: Arena, options: Options): Promise<DatabaseCost> {
  const { mails, runs, history } = options
  const [few, many] = history
  const templates = { [few]: await makeHistory(arena, few), [many]: await makeHistory(arena, many) }
  const conditions: Condition[] = [
    { key: 'little', history: few, cpuMicros: [], walBytes: [], buffers: [] },
    { key: 'much', history: many, cpuMicros: [], walBytes: [], buffers: [] },
    { key: 'snapshot', history: few, cpuMicros: [], walBytes: [], buffers: [] },
  ]
  const sink = await startSink()
  for (let run = 1; run <= runs; run += 1) {
    for (const [index, before] of conditions.entries()) {
      const template = templates[before.history] ?? ''
      const cost = await runOnce({ arena, sink, options, template, holdsSnapshot: before.key === 'snapshot' })
      console.log(`  run ${run}, ${before.key}:`, cost)
      conditions[index] = {
        ...before,
        cpuMicros: [...before.cpuMicros, cost.cpuMicros],
        walBytes: [...before.walBytes, cost.walBytes],
        buffers: [...before.buffers, cost.buffers],
      }
    }
  }
  await sink.stop()
  return { mails, conditions }
}

interface Run {
  readonly arena: Arena
  readonly sink: Sink
  readonly options: Options
  /** The database to copy. */
  readonly template: string
  readonly holdsSnapshot: boolean
}

async function runOnce({ arena, sink, options, template, holdsSnapshot }: Run) {
  const { mails, connections } = options
  const database = await arena.copyDatabase(template)
  const contestant = fleet({ name: 'fleet', processes: 1, database })
  const entered = await contestant.enter({ arena, sink, connections, mails })
  const snapshot = holdsSnapshot ? await holdSnapshot(database.url) : undefined
  await sink.reset()
  const before = await readUsage(arena.cluster, database.pool)
  await entered.go()
  await until(
    async () => {
      const { accepted } = await sink.tally()
      return { holds: accepted >= mails, progress: accepted }
    },
    { everyMs: 50 },
  )
  // Only a session that has ended has told all of its statistics.
  await entered.stop()
  const after = await readUsage(arena.cluster, database.pool)
  const left = await entered.unrecorded()
  await snapshot?.end()
  await entered.leave()
  if (left > 0) throw new Error(`${left} outcomes were not recorded`)
  return {
    cpuMicros: (after.cpuMicros - before.cpuMicros) / mails,
    walBytes: (after.walBytes - before.walBytes) / mails,
    buffers: (after.buffers - before.buffers) / mails,
  }
}

async function holdSnapshot(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await client.query('SELECT count(*) FROM pg_class')
  return client
}

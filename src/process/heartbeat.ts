import { hostname } from 'node:os'
import process from 'node:process'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/pool.ts'
import { coalesce } from '../runtime/coalesce.ts'
import { startLoop } from '../runtime/loop.ts'
import { version } from '../runtime/version.ts'
import type { Vitals } from '../runtime/vitals.ts'
import { addOutcomes, deleteWorker, type WorkerEntry, writeWorker } from './heartbeat-store.ts'

export interface HeartbeatOptions {
  readonly database: Database
  readonly config: Config
  readonly name: string
  readonly owner: string
  /** Connections to the database beside those of the pool. */
  readonly directConnections: number
  readonly vitals: Vitals
  readonly log: Logger
}

const everyMs = 5_000

/**
 * Tells the fleet that this worker is alive, and what it has done since: into `fleet.workers` and `fleet.outcome_counts`. Resolves when it
 * has told so once, or tried to.
 */
export async function startHeartbeat(options: HeartbeatOptions): Promise<{ stop(): Promise<void> }> {
  const { database, owner, vitals, log } = options
  const startedAt = new Date(Date.now() - process.uptime() * 1000)
  const beat = coalesce(async () => {
    await writeWorker(database, describe(options, startedAt))
    await vitals.outcomes.flush((counts) => addOutcomes(database, counts))
  })
  // Failures are left to the loop to report.
  const beatNow = () => beat().catch(() => {})
  await beatNow()
  vitals.onChange(() => void beatNow())
  const loop = startLoop({ name: 'heartbeat', everyMs, log, run: beat, vitals })
  return {
    async stop() {
      vitals.onChange(() => {})
      await loop.stop()
      await beatNow()
      await deleteWorker(database.db, owner).catch((err) => log.warn({ err }, 'not signed off'))
    },
  }
}

function describe({ config, name, owner, directConnections, vitals }: HeartbeatOptions, startedAt: Date): WorkerEntry {
  return {
    owner,
    name,
    host: hostname(),
    pid: process.pid,
    version,
    nodeVersion: process.versions.node,
    environment: config.environment,
    startedAt,
    inHand: vitals.inHand,
    connections: config.database.poolMax + directConnections,
    shutdownSeconds: config.shutdownSeconds,
    outage: vitals.outage,
    blocked: vitals.blocked,
  }
}

import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** A worker process, as it last told of itself in `fleet.workers`. */
export interface LiveWorker {
  /** Its name in claims: `email@host:pid`. */
  readonly owner: string
  readonly name: string
  readonly host: string
  readonly pid: number
  readonly version: string
  readonly nodeVersion: string
  readonly environment: string | null
  readonly startedAt: Date
  readonly heartbeatAt: Date
  /** Heard of within the last 20 seconds; one that is not has died without signing off. */
  readonly isAlive: boolean
  readonly inHand: number
  /** The most that it opens to the database. */
  readonly connections: number
  readonly shutdownSeconds: number
  readonly outage: { readonly since: Date; readonly reason: string } | null
  /** Why it sends nothing although it is well. */
  readonly blocked: string | null
}

/** All workers that did not stop in good order: those that are alive, and those that have died in the last day. */
export async function listWorkers(db: Kysely<DB>): Promise<LiveWorker[]> {
  const { rows } = await sql<Omit<LiveWorker, 'outage'> & { since: Date | null; reason: string | null }>`
    SELECT owner, name, host, pid, version, node_version AS "nodeVersion", environment, started_at AS "startedAt",
           heartbeat_at AS "heartbeatAt", heartbeat_at > now() - interval '20 seconds' AS "isAlive", in_hand AS "inHand",
           connections, shutdown_seconds AS "shutdownSeconds", outage_since AS since, outage_reason AS reason, blocked
      FROM fleet.workers
     ORDER BY name, host, started_at, pid`.execute(db)
  return rows.map(({ since, reason, ...worker }) => ({
    ...worker,
    outage: since === null ? null : { since, reason: reason ?? '' },
  }))
}

export async function listLiveWorkers(db: Kysely<DB>): Promise<LiveWorker[]> {
  return (await listWorkers(db)).filter(({ isAlive }) => isAlive)
}

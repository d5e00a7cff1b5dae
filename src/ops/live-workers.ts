import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** A worker process, as it last told pg-boss's registry of instances. */
export interface LiveWorker {
  readonly name: string
  readonly host: string
  readonly pid: number
  readonly nodeVersion: string
  readonly startedAt: Date
  readonly heartbeatAt: Date
}

/**
 * The workers that are alive: not stopped, and heard of within three of their heartbeats, which is pg-boss's own rule
 * (`INSTANCE_QUIET_BEATS` in its plans.js). Read by SQL, so that looking does not start an instance of one's own.
 */
export async function listLiveWorkers(db: Kysely<DB>): Promise<LiveWorker[]> {
  const { rows } = await sql<LiveWorker>`
    SELECT coalesce(name, 'unnamed') AS name, host, pid, node_version AS "nodeVersion",
           started_on AS "startedAt", heartbeat_on AS "heartbeatAt"
      FROM pgboss.instance
     WHERE stopped_on IS NULL AND heartbeat_on >= pgboss.job_now() - heartbeat_seconds * 3 * interval '1 second'
     ORDER BY name, host, started_on, id`.execute(db)
  return rows
}

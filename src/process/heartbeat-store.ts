import { type Kysely, sql } from 'kysely'
import type { Database } from '../db/pool.ts'
import type { DB } from '../db/schema.ts'
import type { OutcomeCount } from '../runtime/outcome-tally.ts'

/** A row of `fleet.workers`, but for when it is written. */
export interface WorkerEntry {
  readonly owner: string
  readonly name: string
  readonly host: string
  readonly pid: number
  readonly version: string
  readonly nodeVersion: string
  readonly environment: string | undefined
  readonly startedAt: Date
  readonly inHand: number
  /** The most that it opens to the database. */
  readonly connections: number
  readonly shutdownSeconds: number
  readonly outage: { readonly since: Date; readonly reason: string } | undefined
  readonly blocked: string | undefined
}

/** Given up after 15 s, as is `addOutcomes`: on a connection gone half-open the worker would stay dead to the others for ever. */
export async function writeWorker(database: Database, entry: WorkerEntry): Promise<void> {
  const { owner, nodeVersion, startedAt, inHand, shutdownSeconds, outage, ...rest } = entry
  const state = {
    ...rest,
    environment: rest.environment ?? null,
    blocked: rest.blocked ?? null,
    node_version: nodeVersion,
    started_at: startedAt,
    heartbeat_at: sql<Date>`clock_timestamp()`,
    in_hand: inHand,
    shutdown_seconds: shutdownSeconds,
    outage_since: outage?.since ?? null,
    outage_reason: outage?.reason ?? null,
  }
  const statement = database.db
    .insertInto('fleet.workers')
    .values({ owner, ...state })
    .onConflict((conflict) => conflict.column('owner').doUpdateSet(state))
  await database.runPrepared('heartbeat', statement.compile())
}

export async function deleteWorker(db: Kysely<DB>, owner: string): Promise<void> {
  await db.deleteFrom('fleet.workers').where('owner', '=', owner).execute()
}

/** Adds them to this minute. */
export async function addOutcomes(database: Database, counts: readonly OutcomeCount[]): Promise<void> {
  if (counts.length === 0) return
  const statement = sql`
    INSERT INTO fleet.outcome_counts AS known (minute, queue, outcome, error_class, count)
    SELECT date_trunc('minute', clock_timestamp()), c.queue, c.outcome, left(c."errorClass", 50), sum(c.count)
      FROM jsonb_to_recordset(${JSON.stringify(counts)}::jsonb) AS c(queue text, outcome text, "errorClass" text, count bigint)
     GROUP BY 1, 2, 3, 4
     ORDER BY 1, 2, 3, 4
        ON CONFLICT (minute, queue, outcome, error_class) DO UPDATE SET count = known.count + EXCLUDED.count`
  await database.runPrepared('add outcomes', statement.compile(database.db))
}

/** Forgets workers that nobody has heard of for a day, and counts of more than a week ago. */
export async function forgetOldVitals(db: Kysely<DB>): Promise<{ workers: number; counts: number }> {
  const { numAffectedRows: workers } = await sql`
    DELETE FROM fleet.workers WHERE heartbeat_at < now() - interval '1 day'`.execute(db)
  const { numAffectedRows: counts } = await sql`
    DELETE FROM fleet.outcome_counts WHERE minute < now() - interval '7 days'`.execute(db)
  return { workers: Number(workers ?? 0), counts: Number(counts ?? 0) }
}

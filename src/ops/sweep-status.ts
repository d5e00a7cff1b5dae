import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { noCounts } from '../subscriptions/flood-guard.ts'
import type { SweepCounts } from '../subscriptions/sweep-result.ts'

/** The passes over subscriptions at a glance. */
export interface SweepStatus {
  /** The one that began last; null where there was none. */
  readonly lastSweep: LastSweep | null
  /** When a lifecycle worker begins one: a cron expression, in UTC; null where none has run yet. */
  readonly schedule: string | null
}

export interface LastSweep {
  readonly startedAt: Date
  /** Null while it is under way, and for ever where it was killed. */
  readonly endedAt: Date | null
  readonly kind: 'sweep' | 'baseline'
  /** `blocked` where it was stopped before it changed anything; null as `endedAt` is. */
  readonly outcome: 'done' | 'blocked' | 'interrupted' | null
  readonly counts: SweepCounts
}

export async function readSweepStatus(db: Kysely<DB>): Promise<SweepStatus> {
  const { rows: sweeps } = await sql<LastSweep>`
    SELECT started_at AS "startedAt", ended_at AS "endedAt", kind, outcome, counts
      FROM fleet.sweeps
     ORDER BY id DESC
     LIMIT 1`.execute(db)
  const { rows: schedules } = await sql<{ cron: string }>`
    SELECT cron FROM pgboss.schedule WHERE name = 'lifecycle.sweep'`.execute(db)
  const [last] = sweeps
  return {
    lastSweep: last === undefined ? null : { ...last, counts: { ...noCounts, ...last.counts } },
    schedule: schedules[0]?.cron ?? null,
  }
}

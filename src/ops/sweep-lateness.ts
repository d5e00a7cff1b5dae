import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { cronMoment } from '../rotation/cron-moment.ts'

/**
 * How long the next sweep over subscriptions is overdue, in seconds; 0 where it is not, null where none is scheduled, as no lifecycle worker
 * has run. Only sweeps that were done count: one that the flood guard stopped has told nobody anything.
 */
export async function readSweepLateness(db: Kysely<DB>): Promise<number | null> {
  const { rows } = await sql<{ cron: string; since: Date; now: Date }>`
    SELECT s.cron, clock_timestamp() AS now,
           coalesce((SELECT started_at FROM fleet.sweeps WHERE kind = 'sweep' AND outcome = 'done' ORDER BY id DESC LIMIT 1),
                    s.created_on) AS since
      FROM pgboss.schedule AS s
     WHERE s.name = 'lifecycle.sweep'`.execute(db)
  const [schedule] = rows
  if (schedule === undefined) return null
  const { cron, since, now } = schedule
  const next = cronMoment(cron, since)
  return next.kind === 'at' ? Math.max(0, (now.getTime() - next.at.getTime()) / 1000) : null
}

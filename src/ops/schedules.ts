import { CronExpressionParser } from 'cron-parser'
import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** Something that pg-boss starts from time to time. */
export interface Schedule {
  /** `lifecycle.sweep`: the worker, and what it does. */
  readonly name: string
  readonly cron: string
  readonly timezone: string
  /** Since when there is the schedule. */
  readonly since: Date
  /** When it was last taken up; now while it runs. What is older than a day is not known. */
  readonly lastRun: Date | null
  /** Why its last run failed; null where it did not. */
  readonly failure: string | null
  readonly nextRun: Date
}

/** All of them; none where no worker has been there yet. A pass by `fleet sweep`, from cron, is as good as one by the worker. */
export async function readSchedules(db: Kysely<DB>): Promise<Schedule[]> {
  const { rows: tables } = await sql<{ exists: boolean }>`
    SELECT to_regclass('pgboss.schedule') IS NOT NULL AS exists`.execute(db)
  if (tables[0]?.exists !== true) return []
  const { rows } = await sql<Omit<Schedule, 'nextRun'> & { now: Date }>`
    WITH jobs AS MATERIALIZED (
      SELECT j.name, CASE WHEN bool_or(j.state::text = 'active') THEN now() ELSE max(j.started_on) END AS last_run,
             (array_agg(CASE j.state::text WHEN 'failed' THEN left(coalesce(j.output ->> 'message', j.output::text, 'nobody knows why'), 300) END
                        ORDER BY j.completed_on DESC) FILTER (WHERE j.completed_on IS NOT NULL))[1] AS failure
        FROM pgboss.job AS j
       WHERE j.name IN (SELECT name FROM pgboss.schedule)
       GROUP BY j.name)
    SELECT s.name, s.cron, coalesce(s.timezone, 'UTC') AS timezone, s.created_on AS since, now() AS now, jobs.failure,
           greatest(jobs.last_run, CASE s.name WHEN 'lifecycle.sweep' THEN (SELECT max(started_at) FROM fleet.sweeps) END) AS "lastRun"
      FROM pgboss.schedule AS s
      LEFT JOIN jobs USING (name)
     WHERE s.kind = 'cron'
     ORDER BY s.name`.execute(db)
  return rows.map(({ now, ...schedule }) => ({ ...schedule, nextRun: nextRunOf(schedule, now) }))
}

function nextRunOf({ cron, timezone }: Pick<Schedule, 'cron' | 'timezone'>, now: Date): Date {
  return CronExpressionParser.parse(cron, { tz: timezone, currentDate: now }).next().toDate()
}

/** pg-boss looks at its schedules every 30 s. */
const graceMs = 5 * 60_000

/** Two of its moments have gone by. What is not known of the time before is not held against it. */
export function isOverdue({ cron, timezone, since, lastRun }: Schedule, now: Date): boolean {
  const moments = CronExpressionParser.parse(cron, { tz: timezone, currentDate: now })
  const last = moments.prev().getTime()
  const lastButOne = moments.prev().getTime()
  const latest = now.getTime() - graceMs
  // A run is forgotten after a day, so where none is known the last one did not happen.
  const due = lastRun === null ? Math.min(last, latest) : Math.min(lastButOne, latest)
  return (lastRun ?? since).getTime() < due
}

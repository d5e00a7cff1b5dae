import { CronExpressionParser } from 'cron-parser'
import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf, formatMoment, listSome } from './finding.ts'

/** pg-boss looks at its schedules every 30 s. */
const graceMs = 5 * 60_000

const kinds = {
  SCHEDULE_OVERDUE: {
    severity: 'error',
    what: 'a schedule came due twice and has not run',
    why: 'What it does is not done: subscriptions are not swept, views not counted, partitions not made.',
    remedy:
      'start the worker it is named after (npx pm2 start ecosystem.config.cjs), or look into its log for "control plane"',
  },
  SCHEDULE_FAILED: {
    severity: 'warning',
    what: 'the last run of a schedule failed',
    why: 'What it does is left for its next run, which may fail as well.',
    remedy: 'look into the log of the worker it is named after for "control job failed"',
  },
} as const

const found = findingsOf(kinds)

interface Schedule {
  readonly name: string
  readonly cron: string
  readonly timezone: string
  readonly since: Date
  /** When it was last taken up; now while it runs. What is older than a day is not known. */
  readonly lastRun: Date | null
  /** Why its last run failed. */
  readonly failure: string | null
  readonly now: Date
}

/** Whether what is to be done from time to time is done. */
export const schedulesCheck: Check<DatabaseContext> = {
  name: 'schedules',
  kinds,
  async examine({ db }) {
    const schedules = await readSchedules(db)
    if (schedules.length === 0) return { findings: [], skipped: 'no worker has brought a schedule yet' }
    const overdue = schedules.filter(isOverdue)
    const failed = schedules.filter(({ failure }) => failure !== null)
    const findings = [
      ...(overdue.length > 0 ? [found('SCHEDULE_OVERDUE', { what: listSome(overdue.map(describe), 20) })] : []),
      ...failed.map(({ name, failure }) => found('SCHEDULE_FAILED', { what: `${name}: ${failure}` })),
    ]
    return fineUnless(findings, `all ${schedules.length} run`)
  },
}

/** A pass by `fleet sweep`, from cron, is as good as one by the worker. */
async function readSchedules(db: Kysely<DB>): Promise<Schedule[]> {
  const { rows: tables } = await sql<{ exists: boolean }>`
    SELECT to_regclass('pgboss.schedule') IS NOT NULL AS exists`.execute(db)
  if (tables[0]?.exists !== true) return []
  const { rows } = await sql<Schedule>`
    SELECT s.name, s.cron, coalesce(s.timezone, 'UTC') AS timezone, s.created_on AS since, now() AS now,
           greatest(jobs.last_run, CASE s.name WHEN 'lifecycle.sweep' THEN (SELECT max(started_at) FROM fleet.sweeps) END) AS "lastRun",
           (SELECT CASE j.state::text WHEN 'failed' THEN left(coalesce(j.output ->> 'message', j.output::text, 'nobody knows why'), 300) END
              FROM pgboss.job j
             WHERE j.name = s.name AND j.completed_on IS NOT NULL
             ORDER BY j.completed_on DESC LIMIT 1) AS failure
      FROM pgboss.schedule s
     CROSS JOIN LATERAL (SELECT CASE WHEN bool_or(state::text = 'active') THEN now() ELSE max(started_on) END AS last_run
                           FROM pgboss.job j WHERE j.name = s.name) AS jobs
     WHERE s.kind = 'cron'
     ORDER BY s.name`.execute(db)
  return rows
}

/** Two of its moments have gone by. What is not known of the time before is not held against it. */
function isOverdue({ cron, timezone, since, lastRun, now }: Schedule): boolean {
  const moments = CronExpressionParser.parse(cron, { tz: timezone, currentDate: now })
  const last = moments.prev().getTime()
  const lastButOne = moments.prev().getTime()
  const latest = now.getTime() - graceMs
  // A run is forgotten after a day, so where none is known the last one did not happen.
  const due = lastRun === null ? Math.min(last, latest) : Math.min(lastButOne, latest)
  return (lastRun ?? since).getTime() < due
}

function describe({ name, cron, lastRun }: Schedule): string {
  return `${name} (${cron}) last ran ${lastRun === null ? 'more than a day ago, if ever' : formatMoment(lastRun)}`
}

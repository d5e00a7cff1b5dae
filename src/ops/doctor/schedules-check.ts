import { sql } from 'kysely'
import { isOverdue, readSchedules, type Schedule } from '../schedules.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf, formatMoment, listSome } from './finding.ts'

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

/** Whether what is to be done from time to time is done. */
export const schedulesCheck: Check<DatabaseContext> = {
  name: 'schedules',
  kinds,
  async examine({ db }) {
    const schedules = await readSchedules(db)
    if (schedules.length === 0) return { findings: [], skipped: 'no worker has brought a schedule yet' }
    const { rows } = await sql<{ now: Date }>`SELECT now() AS now`.execute(db)
    const now = rows[0]?.now ?? new Date()
    const overdue = schedules.filter((schedule) => isOverdue(schedule, now))
    const failed = schedules.filter(({ failure }) => failure !== null)
    const findings = [
      ...(overdue.length > 0 ? [found('SCHEDULE_OVERDUE', { what: listSome(overdue.map(describe), 20) })] : []),
      ...failed.map(({ name, failure }) => found('SCHEDULE_FAILED', { what: `${name}: ${failure}` })),
    ]
    return fineUnless(findings, `all ${schedules.length} run`)
  },
}

function describe({ name, cron, lastRun }: Schedule): string {
  return `${name} (${cron}) last ran ${lastRun === null ? 'more than a day ago, if ever' : formatMoment(lastRun)}`
}

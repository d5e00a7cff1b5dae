import { sql } from 'kysely'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf, formatMoment } from './finding.ts'

const kinds = {
  LEASES_EXPIRED: {
    severity: 'error',
    what: 'messages are marked as being sent by a worker that has not renewed its claim for two minutes',
    why: 'A worker that is alive takes them back within seconds: none does, and they stay where they are.',
    remedy: 'start the workers: npx pm2 start ecosystem.config.cjs',
  },
} as const

const found = findingsOf(kinds)

interface Expired {
  readonly table: string
  readonly count: number
  readonly since: Date
}

/** Whether what dead workers had in hand is taken up by others. */
export const leasesCheck: Check<DatabaseContext> = {
  name: 'leases',
  kinds,
  async examine({ db }) {
    const { rows } = await sql<Expired>`
      SELECT 'email_queue' AS table, count(*)::int AS count, min(leased_until) AS since
        FROM email_queue
       WHERE status = 'sending' AND leased_until < now() - interval '2 minutes'
       UNION ALL
      SELECT 'notifications', count(*)::int, min(leased_until)
        FROM notifications
       WHERE status = 'sending' AND leased_until < now() - interval '2 minutes'`.execute(db)
    const findings = rows
      .filter(({ count }) => count > 0)
      .map(({ table, count, since }) =>
        found('LEASES_EXPIRED', { what: `${count} of ${table}, the oldest since ${formatMoment(since)}` }),
      )
    return fineUnless(findings, 'no message is left in the hands of a dead worker')
  },
}

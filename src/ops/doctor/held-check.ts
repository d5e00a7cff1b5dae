import { sql } from 'kysely'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf, formatMoment } from './finding.ts'

const kinds = {
  MAIL_HELD: {
    severity: 'warning',
    what: 'mails have been held for more than a day',
    why: 'They wait for somebody to say whether they go out; nobody has.',
    remedy: 'fleet email list --status held, then fleet email release or fleet email cancel',
  },
  NOTIFICATIONS_HELD: {
    severity: 'warning',
    what: 'notifications have been held for more than a day',
    why: 'They wait for somebody to say whether they go out; nobody has.',
    remedy: 'fleet notification list --status held, then fleet notification replay',
  },
} as const

const found = findingsOf(kinds)

interface Held {
  readonly code: keyof typeof kinds
  readonly count: number
  readonly since: Date
}

/** Whether what waits for an operator has found one. */
export const heldCheck: Check<DatabaseContext> = {
  name: 'held',
  kinds,
  async examine({ db }) {
    const { rows } = await sql<Held>`
      SELECT 'MAIL_HELD' AS code, count(*)::int AS count, min(updated_at) AS since
        FROM email_queue
       WHERE status = 'held' AND updated_at < fleet.utc_now() - interval '1 day'
       UNION ALL
      SELECT 'NOTIFICATIONS_HELD', count(*)::int, (min(changed_at) AT TIME ZONE 'UTC')
        FROM notifications
       WHERE status = 'held' AND changed_at < now() - interval '1 day'`.execute(db)
    const findings = rows
      .filter(({ count }) => count > 0)
      .map(({ code, count, since }) => found(code, { what: `${count}, the oldest since ${formatMoment(since)}` }))
    return fineUnless(findings, 'nothing waits for an operator for more than a day')
  },
}

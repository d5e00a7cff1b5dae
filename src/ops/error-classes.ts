import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** How many have each class of error, the most first. */
export interface ErrorClassCount {
  /** Empty where there is none. */
  readonly errorClass: string
  readonly count: number
}

export interface ErrorClasses {
  /** Of what failed in the last 24 hours. */
  readonly failed: readonly ErrorClassCount[]
  /** Of what is held. */
  readonly held: readonly ErrorClassCount[]
}

/** Where there are more, only the latest are looked at: who sees that has other worries than the rest. */
const classesLookedAt = 4_000

/** By queue: `email`, and the channels of notifications as `notifications`, `telegram`, `sms`, `system`. */
export async function readErrorClasses(db: Kysely<DB>): Promise<Record<string, ErrorClasses>> {
  const since = sql`fleet.utc_now() - interval '24 hours'`
  const { rows } = await sql<ErrorClassCount & { queue: string; status: 'failed' | 'held' }>`
    SELECT queue, status, coalesce(error_class, '') AS "errorClass", count(*)::int AS count
      FROM ((SELECT 'email' AS queue, status, error_class FROM email_queue
              WHERE status = 'failed' AND updated_at > ${since} ORDER BY updated_at DESC LIMIT ${sql.lit(classesLookedAt)})
            UNION ALL
            (SELECT 'email', status, error_class FROM email_queue
              WHERE status = 'held' ORDER BY updated_at DESC LIMIT ${sql.lit(classesLookedAt)})
            UNION ALL
            (SELECT ${ofChannel}, status, error_class FROM notifications
              WHERE status = 'failed' AND changed_at > (${since}) AT TIME ZONE 'UTC'
              ORDER BY changed_at DESC LIMIT ${sql.lit(classesLookedAt)})
            UNION ALL
            (SELECT ${ofChannel}, status, error_class FROM notifications
              WHERE status = 'held' ORDER BY changed_at DESC LIMIT ${sql.lit(classesLookedAt)})) AS ended
     GROUP BY queue, status, coalesce(error_class, '')
     ORDER BY count DESC, "errorClass"`.execute(db)
  const classesOf = (queue: string): ErrorClasses => {
    const countsOf = (wanted: 'failed' | 'held') =>
      rows
        .filter((row) => row.queue === queue && row.status === wanted)
        .map(({ errorClass, count }) => ({ errorClass, count }))
    return { failed: countsOf('failed'), held: countsOf('held') }
  }
  return Object.fromEntries([...new Set(rows.map(({ queue }) => queue))].map((queue) => [queue, classesOf(queue)]))
}

const ofChannel = sql`CASE type WHEN 'email' THEN 'notifications' ELSE type END`

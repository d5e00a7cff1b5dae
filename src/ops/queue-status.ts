import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { type QueueName, queueNames, readBacklog, readInHand, type Waiting, waitingIn } from './backlog.ts'
import { readSentLastDay } from './outcome-rates.ts'

/** A queue at a glance. Of what waits or is in hand, a digest counts once. */
export interface QueueStatus extends Waiting {
  /** Of e-mail notifications also while the mail is under way. */
  readonly sending: number
  readonly held: number
  /** Ended in the last 24 hours; `sent` as the workers have counted it: of `notifications` what became a mail. */
  readonly last24Hours: Readonly<Record<EndedStatus | 'sent', number>>
}

type EndedStatus = 'failed' | 'skipped' | 'cancelled' | 'expired'

/** Reads no more than indexes, and of what has ended only the last 24 hours: the length of the history does not matter. */
export async function readQueueStatuses(db: Kysely<DB>): Promise<Record<QueueName, QueueStatus>> {
  const [backlog, inHand, ended, sent] = await Promise.all([
    readBacklog(db),
    readInHand(db),
    readEnded(db),
    readSentLastDay(db),
  ])
  const statusOf = (queue: QueueName): QueueStatus => {
    const count = (status: EndedStatus) => ended.find((row) => row.queue === queue && row.status === status)?.count ?? 0
    const { sending = 0, held = 0 } = inHand.find((row) => row.queue === queue) ?? {}
    return {
      ...waitingIn(backlog, queue),
      ...{ sending, held },
      last24Hours: {
        sent: sent[queue] ?? 0,
        failed: count('failed'),
        skipped: count('skipped'),
        cancelled: count('cancelled'),
        expired: count('expired'),
      },
    }
  }
  return Object.fromEntries(queueNames.map((queue) => [queue, statusOf(queue)])) as Record<QueueName, QueueStatus>
}

interface Ended {
  readonly queue: string
  readonly status: string
  readonly count: number
}

async function readEnded(db: Kysely<DB>): Promise<Ended[]> {
  const { rows } = await sql<Ended>`
    SELECT 'email' AS queue, status, count(*)::int AS count
      FROM email_queue
     WHERE status IN ('failed', 'cancelled', 'expired') AND updated_at > fleet.utc_now() - interval '24 hours'
     GROUP BY status
     UNION ALL
    SELECT CASE type WHEN 'email' THEN 'notifications' ELSE type END, status, count(*)::int
      FROM notifications
     WHERE status IN ('failed', 'skipped', 'cancelled', 'expired')
       AND changed_at > (fleet.utc_now() - interval '24 hours') AT TIME ZONE 'UTC'
     GROUP BY type, status`.execute(db)
  return rows
}

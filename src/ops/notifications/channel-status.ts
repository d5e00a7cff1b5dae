import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type ChannelName, channelNames } from '../../notifications/notice.ts'
import { readSentLastDay } from '../outcome-rates.ts'

/** The notifications of one channel at a glance. Of what waits or is being sent, a digest counts once. */
export interface ChannelStatus {
  /** Waiting, and due now. */
  readonly due: number
  readonly oldestDueAt: Date | null
  /** Waiting for a later time: scheduled, put off, or to be tried again. */
  readonly scheduled: number
  /** By e-mail also while the mail is under way. */
  readonly sending: number
  readonly held: number
  /** Those that have any waiting, 1 first. */
  readonly priorities: readonly { readonly priority: number; readonly due: number; readonly scheduled: number }[]
  /** Ended in the last 24 hours; `sent` as the workers have counted it: by e-mail what became a mail. */
  readonly last24Hours: Readonly<Record<'sent' | 'failed' | 'skipped' | 'cancelled' | 'expired', number>>
  /** Nothing is sent until then; null where it is. The end of the year 9999 for a pause that has none. */
  readonly pausedUntil: Date | null
  readonly pauseReason: string | null
}

/** Reads what waits, what is held, and of what has ended only the last 24 hours: the length of the history does not matter. */
export async function readChannelStatus(db: Kysely<DB>): Promise<Record<ChannelName, ChannelStatus>> {
  const waiting = await readWaiting(db)
  const counted = await readCounts(db)
  const pauses = await readPauses(db)
  const sentOf = await readSentLastDay(db)
  const statusOf = (channel: ChannelName): ChannelStatus => {
    const count = (state: string) => counted.find((row) => row.channel === channel && row.state === state)?.count ?? 0
    const ours = waiting.filter((row) => row.channel === channel)
    const oldest = ours.flatMap(({ oldestDueAt }) => oldestDueAt ?? []).sort((a, b) => a.getTime() - b.getTime())
    const waits = {
      due: ours.reduce((sum, { due }) => sum + due, 0),
      oldestDueAt: oldest[0] ?? null,
      scheduled: ours.reduce((sum, { scheduled }) => sum + scheduled, 0),
      priorities: ours.map(({ priority, due, scheduled }) => ({ priority, due, scheduled })),
    }
    const { pausedUntil = null, pauseReason = null } = pauses.find((row) => row.channel === channel) ?? {}
    const sent = sentOf[channel === 'email' ? 'notifications' : channel] ?? 0
    const [failed, skipped] = [count('failed'), count('skipped')]
    const last24Hours = { sent, failed, skipped, cancelled: count('cancelled'), expired: count('expired') }
    const inHand = { sending: count('sending'), held: count('held') }
    return { ...waits, ...inHand, last24Hours, pausedUntil, pauseReason }
  }
  const statuses = channelNames.map((channel) => [channel, statusOf(channel)])
  return Object.fromEntries(statuses)
}

interface WaitingAtPriority {
  readonly channel: string
  readonly priority: number
  readonly due: number
  readonly scheduled: number
  readonly oldestDueAt: Date | null
}

async function readWaiting(db: Kysely<DB>): Promise<WaitingAtPriority[]> {
  // Counting ranges of the index costs a tenth of what comparing each row with the clock does.
  const { rows } = await sql<WaitingAtPriority>`
    SELECT c.channel, p.priority, due.count::int AS due, later.count::int AS scheduled, due.oldest AS "oldestDueAt"
      FROM unnest(${[...channelNames]}::text[]) AS c (channel)
     CROSS JOIN generate_series(1, 10) AS p (priority)
     CROSS JOIN (SELECT fleet.utc_now() AT TIME ZONE 'UTC' AS now) AS clock
     CROSS JOIN LATERAL (
       SELECT count(*), min(due_at) AS oldest
         FROM notifications
        WHERE status = 'pending' AND digest_of IS NULL AND type = c.channel AND prio = p.priority AND due_at <= clock.now) AS due
     CROSS JOIN LATERAL (
       SELECT count(*)
         FROM notifications
        WHERE status = 'pending' AND digest_of IS NULL AND type = c.channel AND prio = p.priority AND due_at > clock.now) AS later
     WHERE due.count + later.count > 0
     ORDER BY c.channel, p.priority`.execute(db)
  return rows
}

interface Counted {
  readonly channel: string
  readonly state: string
  readonly count: number
}

async function readCounts(db: Kysely<DB>): Promise<Counted[]> {
  const { rows } = await sql<Counted>`
    SELECT type AS channel, 'sending' AS state, count(*)::int AS count
      FROM notifications WHERE status = 'sending' AND digest_of IS NULL GROUP BY type
     UNION ALL
    SELECT type, 'held', count(*)::int FROM notifications WHERE status = 'held' GROUP BY type
     UNION ALL
    SELECT type, status, count(*)::int
      FROM notifications
     WHERE status IN ('failed', 'skipped', 'cancelled', 'expired')
       AND changed_at > (fleet.utc_now() - interval '24 hours') AT TIME ZONE 'UTC'
     GROUP BY type, status`.execute(db)
  return rows
}

type Pause = Pick<ChannelStatus, 'pausedUntil' | 'pauseReason'> & { readonly channel: string }

async function readPauses(db: Kysely<DB>): Promise<Pause[]> {
  const { rows } = await sql<Pause>`
    SELECT name AS channel, least(paused_until, '9999-12-31T00:00:00Z') AS "pausedUntil", reason AS "pauseReason"
      FROM fleet.channels
     WHERE paused_until > fleet.utc_now() AT TIME ZONE 'UTC'`.execute(db)
  return rows
}

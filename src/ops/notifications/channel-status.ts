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
    const { due = 0, scheduled = 0, oldestDueAt = null } = waiting.find((row) => row.channel === channel) ?? {}
    const { pausedUntil = null, pauseReason = null } = pauses.find((row) => row.channel === channel) ?? {}
    const sent = sentOf[channel === 'email' ? 'notifications' : channel] ?? 0
    const [failed, skipped] = [count('failed'), count('skipped')]
    const last24Hours = { sent, failed, skipped, cancelled: count('cancelled'), expired: count('expired') }
    const inHand = { sending: count('sending'), held: count('held') }
    return { due, oldestDueAt, scheduled, ...inHand, last24Hours, pausedUntil, pauseReason }
  }
  const statuses = channelNames.map((channel) => [channel, statusOf(channel)])
  return Object.fromEntries(statuses)
}

type Waiting = Pick<ChannelStatus, 'due' | 'oldestDueAt' | 'scheduled'> & { readonly channel: string }

async function readWaiting(db: Kysely<DB>): Promise<Waiting[]> {
  const { rows } = await sql<Waiting>`
    SELECT type AS channel,
           (count(*) FILTER (WHERE due_at <= clock.now))::int AS due,
           (count(*) FILTER (WHERE due_at > clock.now))::int AS scheduled,
           min(due_at) FILTER (WHERE due_at <= clock.now) AS "oldestDueAt"
      FROM notifications, (SELECT fleet.utc_now() AT TIME ZONE 'UTC' AS now) AS clock
     WHERE status = 'pending' AND digest_of IS NULL
     GROUP BY type`.execute(db)
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

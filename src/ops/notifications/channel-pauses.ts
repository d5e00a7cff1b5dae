import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type ChannelName, channelNames } from '../../notifications/notice.ts'

/** Whether a channel takes anything, as a limit or a service in trouble would have it. */
export interface ChannelPause {
  /** Nothing is sent until then; null where it is. The end of the year 9999 for a pause that has none. */
  readonly pausedUntil: Date | null
  readonly pauseReason: string | null
}

export async function readChannelPauses(db: Kysely<DB>): Promise<Record<ChannelName, ChannelPause>> {
  const { rows } = await sql<ChannelPause & { channel: string }>`
    SELECT name AS channel, least(paused_until, '9999-12-31T00:00:00Z') AS "pausedUntil", reason AS "pauseReason"
      FROM fleet.channels
     WHERE paused_until > fleet.utc_now() AT TIME ZONE 'UTC'`.execute(db)
  const pauseOf = (channel: ChannelName): ChannelPause => {
    const { pausedUntil = null, pauseReason = null } = rows.find((row) => row.channel === channel) ?? {}
    return { pausedUntil, pauseReason }
  }
  return Object.fromEntries(channelNames.map((channel) => [channel, pauseOf(channel)])) as Record<
    ChannelName,
    ChannelPause
  >
}

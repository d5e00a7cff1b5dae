import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../db/pool.ts'
import type { ChannelPause } from './channel-pause.ts'
import type { ChannelName } from './notice.ts'

const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`
const longestOutage = sql<string>`interval '1 minute'`
/** Doubled for each pause before in a row: 1 s, 2 s, 4 s … */
const nextOutage = sql<string>`least(${longestOutage}, 2 ^ least(strikes, 6) * interval '1 second')`
const isLasting = sql<boolean>`(strikes > 0 AND paused_until > ${now})`
/** They only count; no outage has so many. */
const mostStrikes = 1_000

/** Pauses of a channel as all processes share them, in `fleet.channels`. */
export function channelPause(database: Pick<Database, 'db'>, name: ChannelName): ChannelPause {
  return {
    async pause(forMs, reason) {
      await sql`
        UPDATE fleet.channels SET ${pausing(sql`${now} + ${forMs}::float8 * interval '1 ms'`, reason)}
         WHERE name = ${name}`.execute(database.db)
    },
    async outage(reason) {
      const until = sql<Date>`CASE WHEN ${isLasting} THEN paused_until ELSE ${now} + ${nextOutage} END`
      const { rows } = await sql<{ lastsMs: number }>`
           UPDATE fleet.channels
              SET ${pausing(until, reason)},
                  strikes = CASE WHEN ${isLasting} THEN strikes ELSE least(strikes + 1, ${mostStrikes}) END
            WHERE name = ${name}
        RETURNING (extract(epoch FROM least(paused_until, ${now} + ${longestOutage}) - ${now}) * 1000)::float8 AS "lastsMs"`.execute(
        database.db,
      )
      return Math.ceil(rows[0]?.lastsMs ?? 0)
    },
    async passed() {
      await sql`UPDATE fleet.channels SET strikes = 0 WHERE name = ${name} AND strikes > 0`.execute(database.db)
    },
  }
}

/** A longer pause, an operator's perhaps, stands, and its reason with it. */
function pausing(until: RawBuilder<unknown>, reason: string): RawBuilder<unknown> {
  return sql`
    reason       = CASE WHEN paused_until >= ${until} THEN reason ELSE ${reason} END,
    paused_until = greatest(paused_until, ${until})`
}

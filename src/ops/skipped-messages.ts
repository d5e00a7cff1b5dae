import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { MessageFilter } from './message-filter.ts'
import type { StatusChange } from './status-change.ts'

/**
 * - `unknown`: no message has that id.
 * - `status`: the change is not made from the status that it has.
 * - `filter`: named by its id, but the other filters do not hold.
 * - `erased`: what it said was erased.
 * - `would_expire`: its `not_after` has passed; a worker would only mark it as expired.
 * - `being_sent`: cancelled while a worker was sending it, which may not have ended yet.
 * - `key_taken`: archived, and a newer mail has its `dedup_key`.
 * - `unknown_channel`: a notification that no channel sends.
 * - `in_replay`: a replay that goes on has it already.
 * - `ambiguous`: it may have arrived, and nobody knows; only with `includesSent`.
 * - `sent_again`: the same command has sent it again within the last day.
 * - `changed`: somebody has changed it since the replay was made.
 * - `locked`: another session was writing to it.
 * - `refused`: the database refuses the change.
 * - `over_limit`: there were more than `limit`.
 */
export type SkipReason =
  | 'unknown'
  | 'status'
  | 'filter'
  | 'erased'
  | 'would_expire'
  | 'being_sent'
  | 'key_taken'
  | 'unknown_channel'
  | 'in_replay'
  | 'ambiguous'
  | 'sent_again'
  | 'changed'
  | 'locked'
  | 'refused'
  | 'over_limit'

/** Messages that were meant, and left alone for one reason. */
export interface SkippedMessages {
  readonly reason: SkipReason
  /** With the reason `status`: the one that they have. */
  readonly status?: string
  readonly count: number
  /** Some of them, at most 20; none for `locked` and `over_limit`. */
  readonly ids: readonly number[]
}

/** How many ids of skipped messages are named. */
export const namedIds = 20

/** Who names a message by its id wants to hear why nothing happens to it. */
export async function findNamedInVain<Filter extends MessageFilter>(
  db: Kysely<DB>,
  change: Pick<StatusChange<Filter>, 'queue' | 'from' | 'changed'>,
  filter: Filter,
): Promise<SkippedMessages[]> {
  if (filter.ids === undefined) return []
  const { queue, from, changed } = change
  const statuses = filter.statuses ?? from
  const { rows } = await sql<{ reason: SkipReason; status: string | null; count: number; ids: number[] }>`
    SELECT reason, CASE WHEN reason = 'status' THEN status END AS status,
           count(*)::int AS count, (array_agg(id ORDER BY id))[1:${sql.lit(namedIds)}] AS ids
      FROM (
        SELECT named.id, q.status,
               CASE WHEN q.id IS NULL THEN 'unknown'
                    WHEN q.status <> ALL(${from}::text[]) THEN 'status'
                    WHEN q.status <> ALL(${statuses}::text[]) OR ${queue.condition(filter, changed)} IS NOT TRUE THEN 'filter'
               END AS reason
          FROM (SELECT DISTINCT unnest(${filter.ids}::int[]) AS id) AS named
          LEFT JOIN ${await queue.every(db)} AS q ON q.id = named.id
      ) AS meant
     WHERE reason IS NOT NULL
     GROUP BY 1, 2
     ORDER BY 1, 2`.execute(db)
  return rows.map(({ status, ...skipped }) => (status === null ? skipped : { ...skipped, status }))
}

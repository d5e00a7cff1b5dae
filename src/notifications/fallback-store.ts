import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { ChannelName } from './notice.ts'

/** Rows of one notice are enqueued within so long of each other. */
const apart = sql`interval '10 minutes'`

export interface EndedRow {
  readonly id: number
  readonly type: string
  readonly eventData: unknown
}

export interface NewFallback {
  /** The rows that are stood in for; what stands in for the first one carries the others. */
  readonly ids: readonly [number, ...number[]]
  readonly channel: ChannelName
  /** What is tried if this fails, too. */
  readonly rest: readonly ChannelName[]
}

/**
 * Waits for its turn: one transaction at a time, since two rows of one notice may end at once and ask for the same channel. Then the
 * oldest rows that want a fallback, locked; those that another program has locked are for a later pass.
 */
export async function lockEnded(trx: Transaction<DB>, size: number): Promise<EndedRow[]> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('fleet.notifications.needs_fallback', 0))`.execute(trx)
  const { rows } = await sql<EndedRow>`
    SELECT id, type, event_data AS "eventData"
      FROM notifications
     WHERE needs_fallback
     ORDER BY id
     LIMIT ${size}
       FOR UPDATE SKIP LOCKED`.execute(trx)
  return rows
}

/**
 * Of a row, and those that it delivers as a digest, the ones that did not get through and whose notice has no row on the channel yet, in
 * order. A notice's rows are those that
 * - stand in for one another (`fallback_of`),
 * - have the same `event_data.notice` and the same company, or
 * - have neither, and were written for other channels, within ten minutes, with the same company, notification type, project, AR content
 *   and group. A notice of no company or no type is like no other.
 */
export async function listUntold(trx: Transaction<DB>, id: number, channel: ChannelName): Promise<number[]> {
  // OFFSET 0 keeps each look-up by itself, by an index: joined, they would be planned for the many rows that a recursion may give.
  const { rows } = await sql<{ id: number }>`
    WITH RECURSIVE line AS (
      SELECT id AS told, ${facts}
        FROM (SELECT * FROM notifications WHERE id = ${id}
               UNION ALL
              SELECT * FROM notifications WHERE digest_of = ${id}) AS ended
       WHERE status IN ('failed', 'skipped')
       UNION ALL
      SELECT line.told, n.*
        FROM line
       CROSS JOIN LATERAL (
         SELECT ${facts} FROM notifications WHERE id = line.fallback_of AND notifications.id < line.id OFFSET 0) AS n
    ),
    written AS (
      SELECT told, id FROM line
       UNION
      SELECT told, o.id FROM line AS n CROSS JOIN LATERAL (${sameAs} OFFSET 0) AS o
    ),
    kin AS (
      SELECT told, id FROM written
       UNION
      SELECT told, n.id
        FROM kin CROSS JOIN LATERAL (SELECT id FROM notifications WHERE fallback_of = kin.id OFFSET 0) AS n
    )
    SELECT told AS id
      FROM kin CROSS JOIN LATERAL (SELECT type FROM notifications WHERE id = kin.id OFFSET 0) AS n
     GROUP BY told
    HAVING bool_and(n.type <> ${channel})
     ORDER BY told`.execute(trx)
  return rows.map((row) => row.id)
}

const facts = sql`
  id, type, company_id, project_id, ar_content_id, notification_type, group_id, enqueued_at, fallback_of,
  event_data ->> 'notice' AS notice`

/** The rows that a producer has written for the notice that row `n` is of; what stands in for them follows from them. */
const sameAs = sql`
  SELECT id
    FROM notifications
   WHERE event_data ->> 'notice' = n.notice AND company_id IS NOT DISTINCT FROM n.company_id
   UNION ALL
  SELECT id
    FROM notifications
   WHERE n.notice IS NULL AND event_data ->> 'notice' IS NULL
     AND n.fallback_of IS NULL AND fallback_of IS NULL
     AND company_id = n.company_id
     AND notification_type = n.notification_type
     AND type <> n.type
     AND project_id IS NOT DISTINCT FROM n.project_id
     AND ar_content_id IS NOT DISTINCT FROM n.ar_content_id
     AND group_id IS NOT DISTINCT FROM n.group_id
     AND enqueued_at BETWEEN n.enqueued_at - ${apart} AND n.enqueued_at + ${apart}`

/** Puts what the rows tell into another channel, several as a digest; answers the number of the row that delivers it. */
export async function insertFallback(trx: Transaction<DB>, fallback: NewFallback): Promise<number> {
  const [first, ...others] = fallback.ids
  const size = others.length > 0 ? fallback.ids.length : null
  const [carrier] = await insertCopies(trx, { ...fallback, ids: [first] }, { digestOf: null, digestSize: size })
  if (carrier === undefined) throw new Error(`notification ${first} is locked, and yet it is gone`)
  if (others.length > 0) await insertCopies(trx, { ...fallback, ids: others }, { digestOf: carrier, digestSize: null })
  return carrier
}

async function insertCopies(
  trx: Transaction<DB>,
  { ids, channel, rest }: { ids: readonly number[]; channel: ChannelName; rest: readonly ChannelName[] },
  { digestOf, digestSize }: { digestOf: number | null; digestSize: number | null },
): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    INSERT INTO notifications
           (type, company_id, project_id, ar_content_id, notification_type, priority, subject, message, source, service_name,
            event_data, group_id, not_after, fallback_of, digest_of, digest_size)
    SELECT ${channel}, company_id, project_id, ar_content_id, notification_type, priority, subject, message, source, service_name,
           CASE jsonb_typeof(event_data) WHEN 'object' THEN event_data ELSE '{}' END
             || jsonb_build_object('fallback', ${rest}::text[]),
           group_id, not_after, id, ${digestOf}::integer, ${digestSize}::integer
      FROM notifications
     WHERE id = ANY(${ids}::integer[])
     ORDER BY id
 RETURNING id`.execute(trx)
  return rows.map(({ id }) => id)
}

/** Has been looked at, whatever came of it. */
export async function settleEnded(trx: Transaction<DB>, ids: readonly number[]): Promise<void> {
  await sql`UPDATE notifications SET needs_fallback = false WHERE id = ANY(${ids}::integer[])`.execute(trx)
}

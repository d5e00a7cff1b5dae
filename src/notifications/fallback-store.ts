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
  // OFFSET 0 keeps each look-up by itself, by an index: joined, they would be planned for the many rows that a recursion may give. What the
  // company has been written meanwhile is read once, not for each row of a digest: of a thousand rows each would read what all have in common.
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
    named AS (
      SELECT told, id FROM line
       UNION
      SELECT told, o.id
        FROM line AS n
       CROSS JOIN LATERAL (
         SELECT id FROM notifications
          WHERE event_data ->> 'notice' = n.notice AND company_id IS NOT DISTINCT FROM n.company_id OFFSET 0) AS o
    ),
    alike AS (${alike}),
    kin AS (
      SELECT id AS root, id FROM named
       UNION
      SELECT id, id FROM alike
       UNION
      SELECT root, n.id
        FROM kin CROSS JOIN LATERAL (SELECT id FROM notifications WHERE fallback_of = kin.id OFFSET 0) AS n
    ),
    reaching AS MATERIALIZED (
      SELECT DISTINCT root AS id
        FROM kin CROSS JOIN LATERAL (SELECT type FROM notifications WHERE id = kin.id OFFSET 0) AS n
       WHERE n.type = ${channel}
    ),
    there AS MATERIALIZED (SELECT alike.* FROM alike JOIN reaching USING (id))
    SELECT told AS id FROM line
    EXCEPT
    SELECT told FROM named JOIN reaching USING (id)
    EXCEPT
    SELECT n.told
      FROM line AS n
     WHERE EXISTS (
       SELECT FROM there
        WHERE there.kind = n.kind AND there.type <> n.type
          AND there.enqueued_at BETWEEN n.enqueued_at - ${apart} AND n.enqueued_at + ${apart})
     ORDER BY id`.execute(trx)
  return rows.map((row) => row.id)
}

/** `kind`: what rows of one notice have in common where no name of it is given; null for a row that is like no other. */
const facts = sql`
  id, type, company_id, enqueued_at, fallback_of, event_data ->> 'notice' AS notice,
  CASE WHEN event_data ->> 'notice' IS NULL AND fallback_of IS NULL AND company_id IS NOT NULL AND notification_type IS NOT NULL
       THEN jsonb_build_array(company_id, notification_type, project_id, ar_content_id, group_id)::text END AS kind`

/**
 * The rows that producers have written of the kinds of those in `line`, for other channels and at about the same time; what stands in for
 * them follows from them.
 */
const alike = sql`
  SELECT o.id, o.kind, o.type, o.enqueued_at
    FROM (SELECT company_id, min(enqueued_at) - ${apart} AS since, max(enqueued_at) + ${apart} AS until,
                 CASE WHEN min(type) = max(type) THEN min(type) END AS type
            FROM line WHERE kind IS NOT NULL GROUP BY company_id) AS asked
   CROSS JOIN LATERAL (
     SELECT ${facts} FROM notifications
      WHERE company_id = asked.company_id AND enqueued_at BETWEEN asked.since AND asked.until
        AND type IS DISTINCT FROM asked.type AND fallback_of IS NULL OFFSET 0) AS o
   WHERE o.kind IN (SELECT kind FROM line)`

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

import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'

/** More than so many are not counted. */
export const mostAhead = 100_000

/** Of a queue, or of a channel of notifications: the condition that row `q` is in the same as row `me`. */
const sameQueue = {
  email_queue: sql`true`,
  notifications: sql`q.type = me.type AND q.digest_of IS NULL`,
}

/**
 * How many that are due go before message `id`, which is due, too: in the order of claims, by the index that they use. `mostAhead` stands
 * for that many or more.
 */
export async function countAhead(db: Kysely<DB>, table: keyof typeof sameQueue, id: number): Promise<number> {
  const waiting = sql`q.status = 'pending' AND ${sameQueue[table]}`
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count
      FROM (SELECT ahead.id
              FROM ${sql.table(table)} AS me
             CROSS JOIN LATERAL (
               SELECT due.id FROM generate_series(1, 9) AS p (prio)
                CROSS JOIN LATERAL (
                  SELECT q.id FROM ${sql.table(table)} AS q
                   WHERE ${waiting} AND q.prio = p.prio AND q.due_at <= fleet.utc_now() AT TIME ZONE 'UTC') AS due
                WHERE p.prio < me.prio
               UNION ALL
               SELECT q.id FROM ${sql.table(table)} AS q
                WHERE ${waiting} AND q.prio = me.prio AND (q.due_at, q.id) < (me.due_at, me.id)) AS ahead
             WHERE me.id = ${id}
             LIMIT ${sql.lit(mostAhead)}) AS ahead`.execute(db)
  return rows[0]?.count ?? 0
}

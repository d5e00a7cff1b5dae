import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** The statuses of messages that have not ended and are not held; each has an index of its own kind. */
export const waitingStatuses: readonly string[] = ['pending', 'sending']

/**
 * The latest of what several queries find, each of which has the latest of one status: sorted by what its index is sorted by, so that the
 * latest of a million are found without reading the million.
 */
export function latestOf<Row>(branches: readonly RawBuilder<unknown>[], limit: number): RawBuilder<Row> {
  return sql<Row>`
    SELECT *
      FROM (${sql.join(branches, sql` UNION ALL `)}) AS found
     ORDER BY "changedAt" DESC, id DESC
     LIMIT ${limit}`
}

/** The words that the rows of a queue hold at present, those of other programs included: one probe of the index for each. */
export async function presentStatuses(db: Kysely<DB>, table: 'email_queue' | 'notifications'): Promise<string[]> {
  const next = (condition: RawBuilder<unknown>) => sql`
    SELECT q.status FROM ${sql.table(table)} AS q
     WHERE q.status NOT IN ('pending', 'sending') AND ${condition} ORDER BY q.status LIMIT 1`
  const { rows } = await sql<{ status: string }>`
    WITH RECURSIVE present(status) AS (
      (${next(sql`true`)})
      UNION ALL
      SELECT (${next(sql`q.status > present.status`)}) FROM present WHERE present.status IS NOT NULL
    )
    SELECT status FROM present WHERE status IS NOT NULL`.execute(db)
  return [...waitingStatuses, ...rows.map(({ status }) => status)]
}

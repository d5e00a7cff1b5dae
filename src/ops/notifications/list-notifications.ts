import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { latestOf, presentStatuses, waitingStatuses } from '../latest-messages.ts'
import { type NotificationFilter, notificationCondition } from './notification-filter.ts'
import { type NotificationSummary, notificationColumns } from './notification-summary.ts'

/** The notifications that the filter means, the latest change of status first, `limit` at most. */
export async function listNotifications(
  db: Kysely<DB>,
  filter: NotificationFilter,
  limit: number,
): Promise<NotificationSummary[]> {
  const statuses = filter.statuses ?? (await presentStatuses(db, 'notifications'))
  const branches = statuses.flatMap(sourcesOf).map(
    (source) => sql`(
      SELECT ${notificationColumns}
        FROM ${source} AND ${notificationCondition(filter)}
       ORDER BY q.changed_at DESC, q.id DESC
       LIMIT ${limit})`,
  )
  const { rows } = await sql<NotificationSummary>`
    SELECT found.*, c.name AS company
      FROM (${latestOf(branches, limit)}) AS found
      LEFT JOIN companies AS c ON c.id = found."companyId"
     ORDER BY found."changedAt" DESC, found.id DESC`.execute(db)
  return rows
}

/**
 * Where the rows `q` of one status are, so that an index has them. Of what waits the rest of a digest is found through the row that
 * carries it, whose status it has.
 */
function sourcesOf(status: string): RawBuilder<unknown>[] {
  if (!waitingStatuses.includes(status)) return [sql`notifications AS q WHERE q.status = ${status}`]
  return [
    sql`notifications AS q WHERE q.status = ${status} AND q.digest_of IS NULL`,
    sql`notifications AS carrier JOIN notifications AS q ON q.digest_of = carrier.id
       WHERE carrier.status = ${status} AND carrier.digest_of IS NULL AND carrier.digest_size IS NOT NULL AND q.status = ${status}`,
  ]
}

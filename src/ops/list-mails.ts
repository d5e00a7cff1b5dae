import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { changedAt, endedAt, type MailFilter, mailCondition } from './mail-filter.ts'
import { type MailSummary, summaryColumns } from './mail-summary.ts'

const waiting: readonly string[] = ['pending', 'sending']

/**
 * The mails that the filter means, the latest change of status first, `limit` at most. Each status is looked up by itself and sorted
 * by what its index is sorted by, so that the latest of a million are found without reading the million.
 */
export async function listMails(db: Kysely<DB>, filter: MailFilter, limit: number): Promise<MailSummary[]> {
  const statuses = filter.statuses ?? (await presentStatuses(db))
  const branches = statuses.map((status) => {
    const changed = waiting.includes(status) ? changedAt : endedAt
    return sql`(
      SELECT ${summaryColumns(changed)}
        FROM email_queue AS q
       WHERE q.status = ${status} AND ${mailCondition(filter, changed)}
       ORDER BY ${changed} DESC, q.id DESC
       LIMIT ${limit})`
  })
  const { rows } = await sql<MailSummary>`
    SELECT *
      FROM (${sql.join(branches, sql` UNION ALL `)}) AS found
     ORDER BY "changedAt" DESC, id DESC
     LIMIT ${limit}`.execute(db)
  return rows
}

/** The words that rows hold at present, those of other programs included: one probe of the index for each. */
async function presentStatuses(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ status: string }>`
    WITH RECURSIVE present(status) AS (
      (SELECT q.status FROM email_queue AS q WHERE q.status NOT IN ('pending', 'sending') ORDER BY q.status LIMIT 1)
      UNION ALL
      SELECT (SELECT q.status FROM email_queue AS q
               WHERE q.status NOT IN ('pending', 'sending') AND q.status > present.status ORDER BY q.status LIMIT 1)
        FROM present
       WHERE present.status IS NOT NULL
    )
    SELECT status FROM present WHERE status IS NOT NULL`.execute(db)
  return [...waiting, ...rows.map(({ status }) => status)]
}

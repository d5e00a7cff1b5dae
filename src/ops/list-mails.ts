import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import { archivedCondition, archivedEnd, endedOf } from './archived-mails.ts'
import { latestOf, presentStatuses, waitingStatuses } from './latest-messages.ts'
import { changedAt, endedAt, type MailFilter, mailCondition } from './mail-filter.ts'
import { archivedSummaryColumns, type MailSummary, summaryColumns } from './mail-summary.ts'

/**
 * The mails that the filter means, in the queue and in the archive, the latest change of status first, `limit` at most. One snapshot of both: no mail is seen twice, or missed, while it is moved.
 */
export async function listMails(db: Kysely<DB>, filter: MailFilter, limit: number): Promise<MailSummary[]> {
  const reading = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
  return reading.execute(async (snapshot) => {
    const queued = await listQueued(snapshot, filter, limit)
    const rest = archivedPart(filter, queued, limit)
    if (rest === undefined) return queued
    const archived = await listArchived(snapshot, rest, limit)
    return archived.length === 0 ? queued : [...queued, ...archived].sort(latestFirst).slice(0, limit)
  })
}

async function listQueued(snapshot: Transaction<DB>, filter: MailFilter, limit: number): Promise<MailSummary[]> {
  const statuses = filter.statuses ?? (await presentStatuses(snapshot, 'email_queue'))
  const branches = statuses.map((status) => {
    const changed = waitingStatuses.includes(status) ? changedAt : endedAt
    return sql`(
      SELECT ${summaryColumns(changed)}
        FROM email_queue AS q
       WHERE q.status = ${status} AND ${mailCondition(filter, changed)}
       ORDER BY ${changed} DESC, q.id DESC
       LIMIT ${limit})`
  })
  const { rows } = await latestOf<MailSummary>(branches, limit).execute(snapshot)
  return rows
}

/**
 * What is left to be looked for in the archive; undefined for nothing. Where the queue gives as many as are wanted, only mail that
 * changed later can count, and of that the archive has next to none.
 */
function archivedPart(filter: MailFilter, queued: readonly MailSummary[], limit: number): MailFilter | undefined {
  const statuses = endedOf(filter.statuses)
  const found = new Set(queued.map(({ id }) => id))
  const ids = filter.ids?.filter((id) => !found.has(id))
  if (statuses.length === 0 || ids?.length === 0) return undefined
  const least = queued.length < limit ? undefined : (queued.at(-1)?.changedAt ?? undefined)
  const since = least !== undefined && (filter.since === undefined || filter.since < least) ? least : filter.since
  return { ...filter, statuses, ids, since }
}

async function listArchived(snapshot: Transaction<DB>, filter: MailFilter, limit: number): Promise<MailSummary[]> {
  const branches = (filter.statuses ?? []).map(
    (status) => sql`(
      SELECT ${archivedSummaryColumns}
        FROM fleet.email_archive AS q
       WHERE q.status = ${status} AND ${archivedCondition(filter)}
       ORDER BY ${archivedEnd} DESC, q.id DESC
       LIMIT ${limit})`,
  )
  const { rows } = await latestOf<MailSummary>(branches, limit).execute(snapshot)
  return rows
}

function latestFirst(a: MailSummary, b: MailSummary): number {
  // It may be infinite, which is no Date.
  const at = ({ changedAt }: MailSummary) => Number(changedAt ?? Number.POSITIVE_INFINITY)
  return at(a) === at(b) ? b.id - a.id : at(b) - at(a)
}

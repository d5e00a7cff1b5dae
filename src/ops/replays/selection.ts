import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { isAmbiguous } from '../ambiguous-messages.ts'
import { archivedCondition, endedOf } from '../archived-mails.ts'
import { type EmailStatus, replayableStatuses } from '../email-status.ts'
import { endedAt, mailCondition } from '../mail-filter.ts'
import { sendingObstacle } from '../mail-obstacles.ts'
import { mailQueue } from '../mail-queue.ts'
import type { ReplayRequest } from './replay.ts'

type Meaning = Pick<ReplayRequest, 'filter' | 'notAfter' | 'includesSent' | 'fingerprint'>

/**
 * For the rest of the transaction: room for what is meant, no time spent on compiling a query that PostgreSQL takes for dear, since it does
 * not know that few mails are ambiguous, and none on sorting what is only to be counted, since it expects each mail to be unlike the others.
 */
export async function expectMany(transaction: Transaction<DB>): Promise<void> {
  await sql`
    SELECT set_config(name, value, true)
      FROM (VALUES ('work_mem', '64MB'), ('jit', 'off'), ('enable_sort', 'off')) AS settings (name, value)`.execute(
    transaction,
  )
}

/** What is replayed, in the terms of `findNamedInVain`. */
export function replayable({ includesSent }: Pick<Meaning, 'includesSent'>) {
  const from: readonly EmailStatus[] = includesSent ? [...replayableStatuses, 'sent'] : replayableStatuses
  return { queue: mailQueue, from, changed: endedAt }
}

/**
 * A query of the mails that are meant, of the queue and of the archive: with what speaks against each (`obstacle`), whether it may have
 * arrived (`ambiguous`), and `columns` of row `q`: a hundred thousand rows are kept for a moment, and each column that nobody needs costs.
 */
export function meantMails(meaning: Meaning, columns: RawBuilder<unknown> = sql``): RawBuilder<unknown> {
  const { filter } = meaning
  const { from } = replayable(meaning)
  const statuses = filter.statuses?.filter((status) => from.includes(status)) ?? from
  const archived = endedOf(statuses)
  const isMeant = sql`q.status = ANY(${statuses}::text[]) AND ${mailCondition(filter, endedAt)}`
  const queued = select(meaning, { place: 'email_queue', isMeant, columns })
  if (archived.length === 0) return queued
  const isMeantThere = sql`q.status = ANY(${archived}::text[]) AND ${archivedCondition(filter)}`
  return sql`${queued} UNION ALL ${select(meaning, { place: 'fleet.email_archive', isMeant: isMeantThere, columns })}`
}

interface Source {
  readonly place: 'email_queue' | 'fleet.email_archive'
  readonly isMeant: RawBuilder<unknown>
  readonly columns: RawBuilder<unknown>
}

function select({ notAfter, includesSent, fingerprint }: Meaning, { place, isMeant, columns }: Source) {
  const isArchived = place === 'fleet.email_archive'
  const obstacles = [
    sendingObstacle(notAfter && sql`${notAfter}::timestamp`),
    isArchived && keyObstacle,
    sql`CASE WHEN busy.email_id IS NOT NULL THEN 'in_replay' END`,
    includesSent
      ? sql`CASE WHEN q.status = 'sent' AND again.email_id IS NOT NULL THEN 'sent_again' END`
      : sql`CASE WHEN ${isAmbiguous('email_queue')} THEN 'ambiguous' END`,
  ].filter((obstacle) => obstacle !== false)
  return sql`
    SELECT q.id, q.status, q.prio, ${isArchived ? sql`q.ended_at` : sql`q.updated_at`} AS changed_at, ${sql.lit(isArchived)} AS is_archived,
           coalesce(${sql.join(obstacles)}) AS obstacle,
           ${includesSent ? isAmbiguous('email_queue') : sql.lit(false)} AS ambiguous ${columns}
      FROM ${sql.table(place)} AS q
      LEFT JOIN (
        SELECT DISTINCT i.email_id
          FROM fleet.replays AS r
          JOIN fleet.replay_items AS i ON i.replay_id = r.id
         WHERE r.state IN ('canary', 'running', 'stopping') AND i.state IN ('waiting', 'replayed')
      ) AS busy ON busy.email_id = q.id
      ${includesSent ? sentAgain(fingerprint) : sql``}
     WHERE ${isMeant}`
}

/** What the same command has put back already: whoever gives it twice does not mean that everybody gets everything twice. */
function sentAgain(fingerprint: string): RawBuilder<unknown> {
  return sql`
    LEFT JOIN (
      SELECT DISTINCT i.email_id
        FROM fleet.replays AS r
        JOIN fleet.replay_items AS i ON i.replay_id = r.id
       WHERE r.fingerprint = ${fingerprint} AND r.created_at > fleet.utc_now() AT TIME ZONE 'UTC' - interval '1 day'
         AND i.state = 'replayed'
    ) AS again ON again.email_id = q.id`
}

/** A key that is archived is free: who has taken it since goes before. */
const keyObstacle = sql`
  CASE WHEN EXISTS (SELECT FROM email_queue AS taker WHERE taker.dedup_key = q.dedup_key)
         OR EXISTS (SELECT FROM fleet.email_archive AS taker WHERE taker.dedup_key = q.dedup_key AND taker.id > q.id)
       THEN 'key_taken' END`

/** The domain of the first recipient of row `q`, with what may follow it. */
export const roughDomain: RawBuilder<string> = sql`split_part(q.recipient_to, '@', 2)`

/** The domain in a `roughDomain`. Dear enough to be asked of groups rather than of rows; a regular expression would be dearer still. */
export function domainIn(rough: RawBuilder<string>): RawBuilder<string> {
  return sql`lower(split_part(split_part(${rough}, '>', 1), ',', 1))`
}

/** Of `meant`: why mails are left alone, with some of their ids. */
export function stoppedColumn(namedIds: number): RawBuilder<unknown> {
  return sql`
    (SELECT coalesce(jsonb_agg(jsonb_build_object('reason', reason, 'count', count, 'ids', ids) ORDER BY reason), '[]')
       FROM (SELECT obstacle AS reason, count(*), (array_agg(id ORDER BY id))[1:${sql.lit(namedIds)}] AS ids
               FROM meant WHERE obstacle IS NOT NULL GROUP BY obstacle) AS reasons)`
}

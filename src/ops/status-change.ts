import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB, JsonObject } from '../db/schema.ts'
import { recordAudit } from './audit.ts'
import type { MessageFilter } from './message-filter.ts'
import type { MessageQueue } from './message-queue.ts'
import { findNamedInVain, namedIds, type SkippedMessages } from './skipped-messages.ts'

/** A change of status that operators make to many messages of a queue at once. */
export interface StatusChange<Filter extends MessageFilter> {
  readonly queue: MessageQueue<Filter>
  readonly action: 'replay' | 'release' | 'cancel'
  readonly from: readonly string[]
  readonly to: 'pending' | 'cancelled'
  /** When the status of a row `q` that has one of `from` last changed. */
  readonly changed: RawBuilder<Date>
  /** Why a row `q` that has one of `from` is left alone all the same; NULL where nothing speaks against it. */
  readonly obstacle: RawBuilder<string | null>
}

/** What is counted beside that, of the queues that have it. */
export interface MoreCounts {
  /** How many others go with them, because they are told by the same digest. */
  readonly members?: number
}

export interface ChangeRequest<Filter extends MessageFilter> {
  readonly filter: Filter
  /** Only so many, the most urgent and oldest first. */
  readonly limit?: number | undefined
}

export interface ChangeReport extends MoreCounts {
  readonly count: number
  /** How many had each status before. */
  readonly byStatus: Readonly<Record<string, number>>
  /** How many of them may have arrived already, and nobody knows: sent again, they may arrive twice. */
  readonly ambiguous: number
  readonly skipped: readonly SkippedMessages[]
}

export interface ChangePreview extends ChangeReport {
  /** The first five. */
  readonly examples: readonly { readonly id: number; readonly to: string | null; readonly subject: string | null }[]
}

/** What `applyChange` would do now. Only reads. */
export async function previewChange<Filter extends MessageFilter>(
  db: Kysely<DB>,
  change: StatusChange<Filter>,
  { filter, limit }: ChangeRequest<Filter>,
): Promise<ChangePreview> {
  const { queue } = change
  const named = await findNamedInVain(db, change, filter)
  const { rows } = await sql<Counted & Pick<ChangePreview, 'examples'>>`
    WITH meant AS MATERIALIZED (${queue.meant(change, filter)}),
    changed AS (
      SELECT id, status, prio, ambiguous FROM meant WHERE obstacle IS NULL ORDER BY prio, id LIMIT ${limit ?? null})
    SELECT ${countedColumns(queue)}, ${exampleColumn(queue)}`.execute(db)
  const { count, rest, stopped, ...tallied } = tally(rows)
  const examples = rows[0]?.examples ?? []
  return { count, ...tallied, examples, skipped: [...named, ...stopped, ...leftOver('over_limit', rest)] }
}

/** The first five of `changed`. */
function exampleColumn({ example }: Pick<MessageQueue<never>, 'example'>): RawBuilder<ChangePreview['examples']> {
  return sql`
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', first.id, 'to', message.recipient, 'subject', message.subject)
                               ORDER BY first.prio, first.id), '[]')
       FROM (SELECT id, prio FROM changed ORDER BY prio, id LIMIT 5) AS first
      CROSS JOIN LATERAL (${example}) AS message) AS examples`
}

/**
 * Changes the rows in one statement, and writes one entry of the audit log with it. Never waits for a row that another session has locked: such rows are skipped and reported. The triggers of the table do the
 * rest, as with any program's UPDATE.
 */
export async function applyChange<Filter extends MessageFilter>(
  db: Kysely<DB>,
  change: StatusChange<Filter>,
  request: ChangeRequest<Filter> & { readonly actor: string },
): Promise<ChangeReport> {
  return db.transaction().execute(async (transaction) => {
    const { filter, limit, actor } = request
    const { queue } = change
    const named = await findNamedInVain(transaction, change, filter)
    const rows = await changeRows(transaction, change, { filter, limit })
    const { count, rest, stopped, ...tallied } = tally(rows)
    await recordAudit(transaction, {
      actor,
      action: change.action,
      entityType: queue.table,
      entityId: (count === 1 && rows[0]?.id) || 0,
      changes: { filter: describeFilter(request), count, ...tallied },
    })
    const reason = count === limit ? 'over_limit' : 'locked'
    return { count, ...tallied, skipped: [...named, ...stopped, ...leftOver(reason, rest)] }
  })
}

async function changeRows<Filter extends MessageFilter>(
  transaction: Transaction<DB>,
  change: StatusChange<Filter>,
  { filter, limit }: ChangeRequest<Filter>,
): Promise<(Counted & { readonly id: number | null })[]> {
  const { queue, to } = change
  const table = sql.table(queue.table)
  const { rows } = await sql<Counted & { id: number | null }>`
    WITH meant AS MATERIALIZED (${queue.meant(change, filter)}),
    chosen AS MATERIALIZED (
      SELECT q.id, q.status, meant.ambiguous
        FROM meant
        JOIN ${table} AS q USING (id)
       WHERE meant.obstacle IS NULL AND q.status = meant.status
       ORDER BY q.prio, q.id
       LIMIT ${limit ?? null}
         FOR UPDATE OF q SKIP LOCKED),
    changed AS (
      UPDATE ${table} AS q
         SET status = ${to}
        FROM chosen
       WHERE q.id = chosen.id
   RETURNING chosen.id, chosen.status, chosen.ambiguous)
    SELECT ${countedColumns(queue)}, (SELECT min(id) FROM changed) AS id`.execute(transaction)
  return rows
}

interface Counted {
  readonly byStatus: Readonly<Record<string, number>>
  readonly more: Partial<MoreCounts>
  readonly ambiguous: number
  readonly eligible: number
  readonly stopped: readonly SkippedMessages[]
}

/** Of `meant`, what the filter means, and `changed`, what of that is changed. */
function countedColumns({ counts }: Pick<MessageQueue<never>, 'counts'>): RawBuilder<unknown> {
  return sql`
  (SELECT coalesce(jsonb_object_agg(status, count), '{}')
     FROM (SELECT status, count(*) FROM changed GROUP BY status) AS counts) AS "byStatus",
  ${counts} AS more,
  (SELECT count(*)::int FROM changed WHERE ambiguous) AS ambiguous,
  (SELECT count(*)::int FROM meant WHERE obstacle IS NULL) AS eligible,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('reason', reason, 'count', count, 'ids', ids) ORDER BY reason), '[]')
     FROM (SELECT obstacle AS reason, count(*), (array_agg(id ORDER BY id))[1:${sql.lit(namedIds)}] AS ids
             FROM meant WHERE obstacle IS NOT NULL GROUP BY obstacle) AS reasons) AS stopped`
}

function tally([counted]: readonly Counted[]) {
  const { byStatus = {}, more = {}, ambiguous = 0, eligible = 0, stopped = [] } = counted ?? {}
  const count = Object.values(byStatus).reduce((sum, part) => sum + part, 0)
  return { count, byStatus, ...more, ambiguous, stopped, rest: eligible - count }
}

function leftOver(reason: SkippedMessages['reason'], count: number): SkippedMessages[] {
  return count > 0 ? [{ reason, count, ids: [] }] : []
}

/** The filter as JSON, in the words that people give it in: a pattern as its text, a time in ISO. */
export function describeFilter({ filter, limit }: ChangeRequest<MessageFilter>): JsonObject {
  return JSON.parse(JSON.stringify({ ...filter, limit }, (_, value) => value?.text ?? value))
}

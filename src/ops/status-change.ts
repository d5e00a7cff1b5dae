import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { recordAudit } from './audit.ts'
import type { EmailStatus } from './email-status.ts'
import type { MailFilter } from './mail-filter.ts'
import { meantMails } from './meant-mails.ts'
import { restoreMails } from './restore-mails.ts'
import { findNamedInVain, namedIds, type SkippedMails } from './skipped-mails.ts'

/** A change of status that operators make to many mails at once. */
export interface StatusChange {
  readonly action: 'replay' | 'release' | 'cancel'
  readonly from: readonly EmailStatus[]
  readonly to: EmailStatus
  /** When the status of a row `q` that has one of `from` last changed. */
  readonly changed: RawBuilder<Date>
  /** Why a row `q` that has one of `from` is left alone all the same; NULL where nothing speaks against it. */
  readonly obstacle: RawBuilder<string | null>
}

export interface ChangeRequest {
  readonly filter: MailFilter
  /** Only so many, the most urgent and oldest first. */
  readonly limit?: number | undefined
}

export interface ChangeReport {
  readonly count: number
  /** How many had each status before. */
  readonly byStatus: Readonly<Record<string, number>>
  /** How many of them came out of the archive. */
  readonly archived: number
  /** How many of them may have arrived already, and nobody knows: sent again, they may arrive twice. */
  readonly ambiguous: number
  readonly skipped: readonly SkippedMails[]
}

export interface ChangePreview extends ChangeReport {
  /** The first five. */
  readonly examples: readonly { readonly id: number; readonly to: string; readonly subject: string }[]
}

/** What `applyChange` would do now. Only reads. */
export async function previewChange(
  db: Kysely<DB>,
  change: StatusChange,
  request: ChangeRequest,
): Promise<ChangePreview> {
  const named = await findNamedInVain(db, change, request.filter)
  const { rows } = await sql<Counted & Pick<ChangePreview, 'examples'>>`
    WITH meant AS MATERIALIZED (${meantMails(change, request.filter)}),
    changed AS (
      SELECT id, status, prio, ambiguous, ended_at FROM meant WHERE obstacle IS NULL ORDER BY prio, id LIMIT ${request.limit ?? null})
    SELECT ${countedColumns},
           (SELECT count(*)::int FROM changed WHERE ended_at IS NOT NULL) AS archived,
           ${exampleColumn}`.execute(db)
  const { count, rest, stopped, ...tallied } = tally(rows)
  const examples = rows[0]?.examples ?? []
  return { count, ...tallied, examples, skipped: [...named, ...stopped, ...leftOver('over_limit', rest)] }
}

/** The first five of `changed`, each from where it is. */
const exampleColumn: RawBuilder<ChangePreview['examples']> = sql`
  (SELECT coalesce(jsonb_agg(jsonb_build_object('id', first.id, 'to', mail.recipient_to, 'subject', mail.subject)
                             ORDER BY first.prio, first.id), '[]')
     FROM (SELECT id, prio, ended_at FROM changed ORDER BY prio, id LIMIT 5) AS first
    CROSS JOIN LATERAL (
      SELECT q.recipient_to, q.subject FROM email_queue AS q WHERE q.id = first.id
       UNION ALL
      SELECT a.recipient_to, a.subject FROM fleet.email_archive AS a WHERE a.id = first.id AND a.ended_at = first.ended_at
    ) AS mail) AS examples`

/**
 * Changes the rows in one statement, after another has moved those that are archived back, and writes one entry of the audit log with
 * it. Never waits for a row that another session has locked: such rows are skipped and reported. The triggers of `email_queue` do the
 * rest, as with any program's UPDATE.
 */
export async function applyChange(
  db: Kysely<DB>,
  change: StatusChange,
  request: ChangeRequest & { readonly actor: string },
): Promise<ChangeReport> {
  return db.transaction().execute(async (transaction) => {
    const { filter, limit, actor } = request
    const named = await findNamedInVain(transaction, change, filter)
    const restored = await restoreMails(transaction, change, request)
    const { rows } = await sql<Counted & { id: number | null }>`
      WITH meant AS MATERIALIZED (${meantMails(change, filter)}),
      chosen AS MATERIALIZED (
        SELECT q.id, q.status, meant.ambiguous
          FROM meant
          JOIN email_queue AS q USING (id)
         WHERE meant.obstacle IS NULL AND q.status = meant.status
         ORDER BY q.prio, q.id
         LIMIT ${limit ?? null}
           FOR UPDATE OF q SKIP LOCKED),
      changed AS (
        UPDATE email_queue AS q
           SET status = ${change.to}
          FROM chosen
         WHERE q.id = chosen.id
     RETURNING chosen.id, chosen.status, chosen.ambiguous)
      SELECT ${countedColumns}, (SELECT min(id) FROM changed) AS id,
             (SELECT count(*)::int FROM changed JOIN unnest(${restored}::int[]) AS restored(id) USING (id)) AS archived`.execute(
      transaction,
    )
    const { count, rest, stopped, ...tallied } = tally(rows)
    await recordAudit(transaction, {
      actor,
      action: change.action,
      entityType: 'email_queue',
      entityId: (count === 1 && rows[0]?.id) || 0,
      changes: { filter: describeFilter(request), count, ...tallied },
    })
    const reason = count === limit ? 'over_limit' : 'locked'
    return { count, ...tallied, skipped: [...named, ...stopped, ...leftOver(reason, rest)] }
  })
}

interface Counted {
  readonly byStatus: Readonly<Record<string, number>>
  readonly archived: number
  readonly ambiguous: number
  readonly eligible: number
  readonly stopped: readonly SkippedMails[]
}

/** Of `meant`, what the filter means, and `changed`, what of that is changed. */
const countedColumns: RawBuilder<unknown> = sql`
  (SELECT coalesce(jsonb_object_agg(status, count), '{}')
     FROM (SELECT status, count(*) FROM changed GROUP BY status) AS counts) AS "byStatus",
  (SELECT count(*)::int FROM changed WHERE ambiguous) AS ambiguous,
  (SELECT count(*)::int FROM meant WHERE obstacle IS NULL) AS eligible,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('reason', reason, 'count', count, 'ids', ids) ORDER BY reason), '[]')
     FROM (SELECT obstacle AS reason, count(*), (array_agg(id ORDER BY id))[1:${sql.lit(namedIds)}] AS ids
             FROM meant WHERE obstacle IS NOT NULL GROUP BY obstacle) AS reasons) AS stopped`

function tally([counted]: readonly Counted[]) {
  const { byStatus = {}, archived = 0, ambiguous = 0, eligible = 0, stopped = [] } = counted ?? {}
  const count = Object.values(byStatus).reduce((sum, part) => sum + part, 0)
  return { count, byStatus, archived, ambiguous, stopped, rest: eligible - count }
}

function leftOver(reason: SkippedMails['reason'], count: number): SkippedMails[] {
  return count > 0 ? [{ reason, count, ids: [] }] : []
}

/** The filter as JSON, in the words that people give it in. */
function describeFilter({ filter, limit }: ChangeRequest) {
  const { to, since, until, ids, statuses, priorities, ...texts } = filter
  const described = {
    ...texts,
    ids: ids?.slice(),
    statuses: statuses?.slice(),
    priorities: priorities?.slice(),
    since: since?.toISOString(),
    until: until?.toISOString(),
    to: to?.text,
    limit,
  }
  return Object.fromEntries(Object.entries(described).filter(([, value]) => value !== undefined))
}

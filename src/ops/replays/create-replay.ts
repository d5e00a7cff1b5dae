import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { recordAudit } from '../audit.ts'
import { findNamedInVain, namedIds, type SkippedMessages } from '../skipped-messages.ts'
import { describeFilter } from '../status-change.ts'
import type { ReplayRequest } from './replay.ts'
import { sendReplayJob } from './replay-job.ts'
import { domainIn, expectMany, meantMails, replayable, roughDomain, stoppedColumn } from './selection.ts'

export interface Created {
  /** The replay; undefined where there is nothing to put back. */
  readonly id: number | undefined
  readonly size: number
  readonly skipped: readonly SkippedMessages[]
  /** Replays that go on and have some of what is meant. */
  readonly others: readonly number[]
}

/**
 * Writes down which mails are to be put back, with what they are now, and who wants it: from then on the replay goes on, whatever becomes
 * of this process. One is made at a time, so that no mail is in two that go on.
 */
export async function createReplay(db: Kysely<DB>, request: ReplayRequest): Promise<Created> {
  return db.transaction().execute(async (transaction) => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended('fleet.replays', 0))`.execute(transaction)
    await expectMany(transaction)
    const named = await findNamedInVain(transaction, replayable(request), request.filter)
    const id = await insertReplay(transaction, request)
    const written = await insertItems(transaction, id, request)
    const skipped = [...named, ...written.stopped, ...overLimit(written)]
    if (written.size === 0) {
      await sql`DELETE FROM fleet.replays WHERE id = ${id}`.execute(transaction)
      return { id: undefined, size: 0, skipped, others: await othersWith(transaction, request) }
    }
    await sql`
      UPDATE fleet.replays
         SET size = ${written.size}, ambiguous = ${written.ambiguous}
       WHERE id = ${id}`.execute(transaction)
    await audit(transaction, { id, request, written })
    await sendReplayJob(transaction)
    return { id, size: written.size, skipped, others: [] }
  })
}

const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`

async function insertReplay(transaction: Transaction<DB>, request: ReplayRequest): Promise<number> {
  const { actor, reason, canary = 0, perSecond, priority, notAfter, keepsAttempts, includesSent, fingerprint } = request
  const { rows } = await sql<{ id: number }>`
    INSERT INTO fleet.replays (state, actor, reason, filter, fingerprint, canary, per_second, priority, not_after, keeps_attempts,
                               includes_sent, created_at)
    VALUES (${canary > 0 ? 'canary' : 'running'}, left(${actor}, 255), ${reason ?? null}, ${JSON.stringify(describeFilter(request))},
            ${fingerprint}, ${canary}, ${perSecond ?? null}, ${priority ?? null}, ${notAfter ?? null}::timestamp, ${keepsAttempts},
            ${includesSent}, ${now})
    RETURNING id::int`.execute(transaction)
  const [row] = rows
  if (row === undefined) throw new Error('a replay was not written')
  return row.id
}

interface Written {
  readonly size: number
  readonly byStatus: Record<string, number>
  readonly archived: number
  readonly ambiguous: number
  readonly eligible: number
  readonly stopped: readonly SkippedMessages[]
  readonly first: number | null
}

async function insertItems(transaction: Transaction<DB>, id: number, request: ReplayRequest): Promise<Written> {
  const { limit, canary = 0 } = request
  const before = sql`, q.attempts, q.priority, q.not_after, q.sent_at, q.recipients`
  const domain = canary > 0 ? sql`, ${domainIn(roughDomain)} AS domain` : sql``
  const { rows } = await sql<Written>`
    WITH meant AS MATERIALIZED (${meantMails(request, sql`${before} ${domain}`)}),
    chosen AS MATERIALIZED (SELECT * FROM meant WHERE obstacle IS NULL ORDER BY prio, id LIMIT ${limit ?? null}),
    ${canary > 0 ? withCanary(canary) : sql`placed AS (SELECT *, row_number() OVER (ORDER BY prio, id) AS ordinal FROM chosen)`},
    inserted AS (
      INSERT INTO fleet.replay_items (replay_id, ordinal, email_id, status, attempts, priority, not_after, sent_at, recipients,
                                      changed_at, is_archived)
      SELECT ${id}::bigint, ordinal, id, status, attempts, priority, not_after, sent_at, recipients, changed_at, is_archived FROM placed)
    SELECT count(*)::int AS size, count(*) FILTER (WHERE is_archived)::int AS archived,
           count(*) FILTER (WHERE ambiguous)::int AS ambiguous, min(id) AS first,
           (SELECT coalesce(jsonb_object_agg(status, count), '{}')
              FROM (SELECT status, count(*) FROM chosen GROUP BY status) AS counts) AS "byStatus",
           (SELECT count(*)::int FROM meant WHERE obstacle IS NULL) AS eligible,
           ${stoppedColumn(namedIds)} AS stopped
      FROM chosen`.execute(transaction)
  const [written] = rows
  if (written === undefined) throw new Error('a replay was not written')
  return written
}

/** The first few are of as many domains as there are: what one of them refuses says nothing of the others. */
function withCanary(canary: number): RawBuilder<unknown> {
  return sql`
    turns AS MATERIALIZED (
      SELECT *, row_number() OVER (PARTITION BY domain ORDER BY prio, id) AS turn FROM chosen),
    spread AS MATERIALIZED (SELECT *, row_number() OVER (ORDER BY turn, prio, id) <= ${canary} AS is_first FROM turns),
    placed AS (SELECT *, row_number() OVER (ORDER BY is_first DESC, prio, id) AS ordinal FROM spread)`
}

function overLimit({ eligible, size }: Written): SkippedMessages[] {
  return eligible > size ? [{ reason: 'over_limit', count: eligible - size, ids: [] }] : []
}

async function othersWith(transaction: Transaction<DB>, request: ReplayRequest): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    WITH meant AS MATERIALIZED (${meantMails(request)})
    SELECT DISTINCT r.id::int
      FROM fleet.replays AS r
      JOIN fleet.replay_items AS i ON i.replay_id = r.id
      JOIN meant ON meant.id = i.email_id
     WHERE r.state IN ('canary', 'running', 'stopping') AND meant.obstacle = 'in_replay'
     ORDER BY 1`.execute(transaction)
  return rows.map(({ id }) => id)
}

async function audit(
  transaction: Transaction<DB>,
  { id, request, written }: { id: number; request: ReplayRequest; written: Written },
): Promise<void> {
  const { size, byStatus, archived, ambiguous, first } = written
  const { actor, reason, perSecond, canary, priority, notAfter, keepsAttempts, includesSent } = request
  const options = { perSecond, canary, priority, notAfter: notAfter?.toISOString(), keepsAttempts, includesSent }
  await recordAudit(transaction, {
    actor,
    action: 'replay',
    entityType: 'email_queue',
    entityId: size === 1 ? (first ?? 0) : 0,
    changes: JSON.parse(
      JSON.stringify({
        ...{ replay: id, reason, filter: describeFilter(request), count: size, byStatus, archived, ambiguous },
        options,
      }),
    ),
  })
}

import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import type { CanaryFacts } from './canary.ts'
import type { Replay } from './replay.ts'

const columns = sql`
  r.id::int, r.state, r.actor, r.reason, r.filter, r.size, r.ambiguous, r.canary, r.delivered, r.undelivered,
  r.per_second AS "perSecond", r.priority, r.not_after AS "notAfter", r.keeps_attempts AS "keepsAttempts",
  r.includes_sent AS "includesSent", r.created_at AS "createdAt", r.ended_at AS "endedAt", r.stopped_by AS "stoppedBy"`

const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`

export async function findReplay(db: Kysely<DB>, id: number): Promise<Replay | undefined> {
  const { rows } = await sql<Replay>`SELECT ${columns} FROM fleet.replays AS r WHERE r.id = ${id}`.execute(db)
  return rows[0]
}

/** The latest first. */
export async function listReplays(db: Kysely<DB>, limit: number): Promise<Replay[]> {
  const { rows } = await sql<Replay>`
    SELECT ${columns} FROM fleet.replays AS r ORDER BY r.id DESC LIMIT ${limit}`.execute(db)
  return rows
}

/** Those that go on, each with how many of its mails still wait for their turn. */
export async function listRunning(db: Kysely<DB>): Promise<(Replay & { readonly left: number })[]> {
  const { rows } = await sql<Replay & { left: number }>`
    SELECT ${columns},
           (SELECT count(*)::int FROM fleet.replay_items AS i WHERE i.replay_id = r.id AND i.state = 'waiting') AS left
      FROM fleet.replays AS r
     WHERE r.state IN ('canary', 'running', 'stopping')
     ORDER BY r.id`.execute(db)
  return rows
}

export async function listUnfinished(db: Kysely<DB>): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT id::int FROM fleet.replays WHERE state IN ('canary', 'running', 'stopping') ORDER BY id`.execute(db)
  return rows.map(({ id }) => id)
}

/** Mail `m` of item `i`, wherever it is. */
export const mailOfItem: RawBuilder<unknown> = sql`
  LEFT JOIN email_queue AS q ON q.id = i.email_id
  LEFT JOIN LATERAL (
    SELECT a.status, a.error_class FROM fleet.email_archive AS a WHERE q.id IS NULL AND a.id = i.email_id LIMIT 1
  ) AS a ON true
  CROSS JOIN LATERAL (SELECT coalesce(q.status, a.status) AS status, coalesce(q.error_class, a.error_class) AS error_class) AS m`

/**
 * Whether `ordinal` is one of `ordinals`, which ascend. With the bounds PostgreSQL reads no other item, even while it knows nothing of a table
 * that was filled just now; before 14 it would compare each of them with the whole list.
 */
export function isAmong(ordinals: readonly number[]): RawBuilder<boolean> {
  return sql<boolean>`
    ordinal BETWEEN ${ordinals[0]}::int AND ${ordinals.at(-1)}::int AND ordinal IN (SELECT unnest(${ordinals}::int[]))`
}

/**
 * Begins the time of the first mails, once they have been put back, all of them: with a rate that is when the last one becomes due, else now. Not
 * before, lest a replay that was left lying is judged by mails that no worker has seen.
 */
export async function beginCanary(db: Kysely<DB>, { id, canary }: Replay): Promise<void> {
  await sql`
    UPDATE fleet.replays
       SET next_due_at = ${now}
     WHERE id = ${id} AND state = 'canary' AND next_due_at IS NULL
       AND NOT EXISTS (SELECT FROM fleet.replay_items WHERE replay_id = ${id} AND ordinal <= ${canary} AND state = 'waiting')`.execute(
    db,
  )
}

/** What has become of the first mails; undefined while some of them are not put back yet. */
export async function readCanary(db: Kysely<DB>, { id, canary }: Replay): Promise<CanaryFacts | undefined> {
  const { rows } = await sql<CanaryFacts & { waiting: number }>`
    SELECT count(*) FILTER (WHERE i.state = 'waiting')::int AS waiting,
           count(*) FILTER (WHERE i.state = 'replayed' AND m.status = 'sent')::int AS delivered,
           count(*) FILTER (WHERE i.state = 'replayed' AND m.status IN ('pending', 'sending'))::int AS undecided,
           count(*) FILTER (WHERE i.state = 'replayed' AND (m.status IN ('sent', 'pending', 'sending')) IS NOT TRUE)::int AS undelivered,
           (SELECT extract(epoch FROM ${now} - next_due_at) * 1000 FROM fleet.replays WHERE id = ${id})::float8 AS "elapsedMs"
      FROM fleet.replay_items AS i
      ${mailOfItem}
     WHERE i.replay_id = ${id} AND i.ordinal <= ${canary}`.execute(db)
  const [facts] = rows
  return facts === undefined || facts.waiting > 0 ? undefined : facts
}

/** Writes down what was decided; one that was stopped meanwhile stays so. */
export async function decideCanary(
  db: Kysely<DB>,
  { id }: Replay,
  { state, facts }: { state: 'running' | 'canary_failed'; facts: CanaryFacts },
): Promise<void> {
  const undelivered = facts.undelivered + facts.undecided
  await sql`
    UPDATE fleet.replays
       SET state       = ${state}::varchar,
           delivered   = ${facts.delivered},
           undelivered = ${undelivered},
           ended_at    = CASE WHEN ${state}::varchar = 'canary_failed' THEN ${now} END
     WHERE id = ${id} AND state = 'canary'`.execute(db)
}

/** Ends a replay of which nothing waits any more; answers whether it did. What another process has in hand still waits. */
export async function finishReplay(db: Kysely<DB>, { id }: Replay): Promise<boolean> {
  const { numAffectedRows } = await sql`
    UPDATE fleet.replays
       SET state = 'done', ended_at = ${now}
     WHERE id = ${id} AND state = 'running'
       AND NOT EXISTS (SELECT FROM fleet.replay_items WHERE replay_id = ${id} AND state = 'waiting')`.execute(db)
  return numAffectedRows === 1n
}

/** Items are half of a replay's size in bytes, and of no use once nobody would take them back. */
export async function forgetOldReplays(db: Kysely<DB>): Promise<number> {
  const { numAffectedRows } = await sql`
    WITH old AS (
      DELETE FROM fleet.replays
       WHERE state IN ('done', 'stopped', 'canary_failed') AND ended_at < ${now} - interval '90 days'
   RETURNING id)
    DELETE FROM fleet.replay_items WHERE replay_id IN (SELECT id FROM old)`.execute(db)
  return Number(numAffectedRows ?? 0)
}

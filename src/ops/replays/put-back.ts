import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import { isAboutRow } from '../../db/row-refusal.ts'
import { inSavepoint } from '../../db/savepoint.ts'
import type { DB } from '../../db/schema.ts'
import type { Replay } from './replay.ts'
import { isAmong } from './replay-store.ts'
import { restoreMails } from './restore-mails.ts'

/** In one transaction: about a tenth of a second. */
const rowsAtOnce = 2_500
const lanes = 2

export interface Putting {
  /** No item after this one. */
  readonly upTo: number
  readonly signal: AbortSignal
  /** Told how many were dealt with, batch by batch. */
  readonly onBatch?: ((rows: number) => void) | undefined
}

/**
 * Puts what waits of a replay back into the queue, batch by batch. Each batch is a transaction that changes the mails and marks their
 * items, so that whoever goes on after a crash does so exactly where it was. Any number of processes may do it at once: none waits for rows
 * that another has in hand. Ends when nothing is left, or when the replay no longer is to go on.
 */
export async function putBack(db: Kysely<DB>, replay: Replay, putting: Putting): Promise<void> {
  // With a rate each batch begins where the one before it ended.
  const count = replay.perSecond === null ? lanes : 1
  await Promise.all(Array.from({ length: count }, () => lane(db, replay, putting)))
}

async function lane(db: Kysely<DB>, replay: Replay, { upTo, signal, onBatch }: Putting): Promise<void> {
  let most = rowsAtOnce
  for (let after = 0; ; ) {
    signal.throwIfAborted()
    const range = { after, upTo, most }
    const batch = await db.transaction().execute((transaction) => putBatchBack(transaction, replay, range))
    if (batch === undefined) return
    if (batch === 'refused') {
      most = Math.ceil(most / 10)
      continue
    }
    most = Math.min(2 * most, rowsAtOnce)
    after = batch.last
    onBatch?.(batch.rows)
  }
}

interface Range {
  readonly after: number
  readonly upTo: number
  /** Rows at most. */
  readonly most: number
}

/**
 * Answers `refused`, and has done nothing, where the database refuses one of several mails, by a trigger of the platform's perhaps. One that is
 * alone is left as it is for good, so that it keeps none of the others.
 */
async function putBatchBack(
  transaction: Transaction<DB>,
  replay: Replay,
  range: Range,
): Promise<{ rows: number; last: number } | 'refused' | undefined> {
  const { ordinals, hasArchived } = await takeItems(transaction, replay, range)
  const last = ordinals.at(-1)
  if (last === undefined) return undefined
  try {
    await inSavepoint(transaction, () => putItemsBack(transaction, replay, { ordinals, hasArchived }))
  } catch (error) {
    if (!isAboutRow(error)) throw error
    if (ordinals.length > 1) return 'refused'
    await sql`
      UPDATE fleet.replay_items SET state = 'skipped', reason = 'refused'
       WHERE replay_id = ${replay.id} AND ordinal = ${last}`.execute(transaction)
  }
  return { rows: ordinals.length, last }
}

interface Items {
  /** Ascending. */
  readonly ordinals: readonly number[]
  readonly hasArchived: boolean
}

async function putItemsBack(
  transaction: Transaction<DB>,
  replay: Replay,
  { ordinals, hasArchived }: Items,
): Promise<void> {
  if (hasArchived) await restoreMails(transaction, replay.id, ordinals)
  // A batch that is lost with the server is put back again: nobody has to wait for the disk.
  await sql`
    SELECT set_config('fleet.restoring', 'on', true), set_config('synchronous_commit', 'off', true)`.execute(
    transaction,
  )
  const changed = await changeMails(transaction, replay, ordinals)
  if (changed < ordinals.length) await skipRest(transaction, replay, ordinals)
  await wakeWorkers(transaction)
}

/** The next items that wait, for this transaction alone. */
async function takeItems(transaction: Transaction<DB>, { id }: Replay, { after, upTo, most }: Range): Promise<Items> {
  const { rows } = await sql<Items>`
    SELECT coalesce(array_agg(ordinal ORDER BY ordinal), '{}') AS ordinals, coalesce(bool_or(is_archived), false) AS "hasArchived"
      FROM (
        SELECT ordinal, is_archived
          FROM fleet.replay_items
         WHERE replay_id = ${id} AND ordinal > ${after} AND ordinal <= ${upTo} AND state = 'waiting'
           AND (SELECT state FROM fleet.replays WHERE id = ${id}) IN ('canary', 'running')
         ORDER BY ordinal
         LIMIT ${sql.lit(most)}
           FOR NO KEY UPDATE SKIP LOCKED
      ) AS taken`.execute(transaction)
  return rows[0] ?? { ordinals: [], hasArchived: false }
}

/** Only mails that are what they were when the replay was made: what somebody has changed since is his. */
async function changeMails(transaction: Transaction<DB>, replay: Replay, ordinals: readonly number[]): Promise<number> {
  const { id, priority, notAfter, keepsAttempts } = replay
  const dueAt = await dueTimes(transaction, replay, ordinals.length)
  const { rows } = await sql<{ changed: number }>`
    WITH next AS MATERIALIZED (
      SELECT ordinal, email_id, status, changed_at, row_number() OVER (ORDER BY ordinal) - 1 AS place
        FROM fleet.replay_items
       WHERE replay_id = ${id} AND ${isAmong(ordinals)}),
    free AS MATERIALIZED (
      SELECT next.*
        FROM next
        JOIN email_queue AS q ON q.id = next.email_id
       WHERE q.status = next.status AND q.updated_at IS NOT DISTINCT FROM next.changed_at AND q.erased_at IS NULL
         FOR NO KEY UPDATE OF q SKIP LOCKED),
    changed AS (
      UPDATE email_queue AS q
         SET status       = 'pending',
             ${keepsAttempts ? sql`` : sql`attempts = 0,`}
             rescues      = 0,
             claimed_by   = NULL,
             leased_until = NULL,
             sent_at      = NULL,
             recipients   = CASE WHEN free.status <> 'sent' THEN (
               SELECT jsonb_object_agg(r.key, r.value) FROM jsonb_each(q.recipients) r WHERE r.value ->> 'state' = 'accepted') END,
             ${priority === null ? sql`` : sql`priority = ${priority}, prio = ${priority},`}
             ${notAfter === null ? sql`` : sql`not_after = ${notAfter}::timestamp,`}
             due_at       = greatest(q.scheduled_at AT TIME ZONE 'UTC', ${dueAt})
        FROM free
       WHERE q.id = free.email_id
   RETURNING free.ordinal),
    marked AS (
      UPDATE fleet.replay_items AS i
         SET state = 'replayed'
        FROM changed
       WHERE i.replay_id = ${id} AND i.ordinal = changed.ordinal
   RETURNING i.ordinal)
    SELECT count(*)::int AS changed FROM marked`.execute(transaction)
  return rows[0]?.changed ?? 0
}

/** When item `free` becomes due. A rate goes on where it was, or now, if that is later: what was not put back in time is not made up for. */
async function dueTimes(
  transaction: Transaction<DB>,
  { id, perSecond }: Replay,
  count: number,
): Promise<RawBuilder<Date>> {
  const now = sql<Date>`fleet.utc_now() AT TIME ZONE 'UTC'`
  if (perSecond === null) return now
  const step = sql`interval '1 second' / ${perSecond}::float8`
  const { rows } = await sql<{ start: string }>`
    UPDATE fleet.replays
       SET next_due_at = greatest(next_due_at, ${now}) + ${count}::int * (${step})
     WHERE id = ${id}
 RETURNING (next_due_at - ${count}::int * (${step}))::text AS start`.execute(transaction)
  return sql`${rows[0]?.start}::timestamptz + free.place * (${step})`
}

async function skipRest(transaction: Transaction<DB>, { id }: Replay, ordinals: readonly number[]): Promise<void> {
  await sql`
    UPDATE fleet.replay_items AS i
       SET state  = 'skipped',
           reason = CASE WHEN EXISTS (SELECT FROM email_queue AS q WHERE q.id = i.email_id AND q.erased_at IS NOT NULL)
                           OR EXISTS (SELECT FROM fleet.email_archive AS a WHERE a.id = i.email_id AND a.erased_at IS NOT NULL)
                         THEN 'erased'
                         WHEN EXISTS (SELECT FROM email_queue AS q
                                       WHERE q.id = i.email_id AND q.status = i.status AND q.updated_at IS NOT DISTINCT FROM i.changed_at)
                         THEN 'locked'
                         WHEN i.is_archived AND EXISTS (SELECT FROM fleet.email_archive AS a
                                                         WHERE a.id = i.email_id AND a.ended_at = i.changed_at)
                         THEN CASE WHEN EXISTS (SELECT FROM fleet.email_archive AS a
                                                  JOIN email_queue AS taker ON taker.dedup_key = a.dedup_key
                                                 WHERE a.id = i.email_id AND a.ended_at = i.changed_at)
                                   THEN 'key_taken' ELSE 'locked' END
                         ELSE 'changed' END
     WHERE i.replay_id = ${id} AND ${isAmong(ordinals)} AND i.state = 'waiting'`.execute(transaction)
}

/** One notice for the whole batch. */
async function wakeWorkers(transaction: Transaction<DB>): Promise<void> {
  await sql`
    SELECT pg_notify('fleet_email', '')
     WHERE current_setting('fleet.notify', true) IS DISTINCT FROM 'off'`.execute(transaction)
}

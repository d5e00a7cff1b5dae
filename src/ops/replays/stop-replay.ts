import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { recordAudit } from '../audit.ts'
import type { Replay } from './replay.ts'
import { sendReplayJob } from './replay-job.ts'

/**
 * From its commit on nothing more of the replay is put back, and none of its mail is handed to a server. What waits of it is taken back by `takeBack`, which this process, another or a
 * lifecycle worker does. False where there was nothing to stop: it has been stopped already.
 */
export async function requestStop(db: Kysely<DB>, order: StopOrder): Promise<boolean> {
  return db.transaction().execute((transaction) => requestStopWithin(transaction, order))
}

export interface StopOrder {
  readonly id: number
  readonly actor: string
}

/** As `requestStop`, with what else the transaction does. */
export async function requestStopWithin(transaction: Transaction<DB>, { id, actor }: StopOrder): Promise<boolean> {
  const { rows } = await sql<{ state: string }>`
    UPDATE fleet.replays
       SET state = 'stopping', stopped_by = left(${actor}, 255), ended_at = NULL
     WHERE id = ${id} AND state NOT IN ('stopping', 'stopped')
 RETURNING state`.execute(transaction)
  if (rows.length === 0) return false
  const changes = { replay: id }
  await recordAudit(transaction, { actor, action: 'stop_replay', entityType: 'replay', entityId: id, changes })
  await sendReplayJob(transaction)
  return true
}

/**
 * Makes the mails of a replay that wait what they were before. They are locked first, all of them, in the order in which workers claim, so
 * that these take no more of them. What a worker has claimed is not handed over while the replay is stopping, and comes back to wait; what
 * it has handed over goes out. Answers whether the replay has ended, or has mails in hand still.
 */
export async function takeBack(db: Kysely<DB>, replay: Replay): Promise<'stopped' | 'in_hand'> {
  return db.transaction().execute(async (transaction) => {
    await awaitBatches(transaction, replay)
    await sql`SELECT set_config('fleet.restoring', 'on', true)`.execute(transaction)
    await restoreWaiting(transaction, replay)
    return finishStop(transaction, replay)
  })
}

/** A batch that has begun before the stop has its items locked. Those that come after it find the replay stopped. */
async function awaitBatches(transaction: Transaction<DB>, { id }: Replay): Promise<void> {
  await sql`
    SELECT count(*)
      FROM (SELECT FROM fleet.replay_items WHERE replay_id = ${id} AND state = 'waiting' FOR NO KEY UPDATE) AS waiting`.execute(
    transaction,
  )
}

/**
 * Another replay that has put the mail back since has it. As a value, which is looked up for each mail by its id: made a join of, PostgreSQL
 * 13 compares every item with every other, for want of statistics of rows this young.
 */
const isOurs = sql`
  (SELECT max(later.replay_id) FROM fleet.replay_items AS later
    WHERE later.email_id = i.email_id AND later.state = 'replayed') = i.replay_id`

/**
 * All rows are locked before the first is changed, which the sort in between sees to. A mail that was tried meanwhile keeps what came of it.
 *
 * The status is not compared plainly: having never seen so many that wait, PostgreSQL would look for each of them among all of them.
 */
async function restoreWaiting(transaction: Transaction<DB>, { id }: Replay): Promise<void> {
  await sql`
    WITH locked AS MATERIALIZED (
      SELECT i.*
        FROM (SELECT * FROM fleet.replay_items WHERE replay_id = ${id} AND state = 'replayed' ORDER BY ordinal OFFSET 0) AS i
       CROSS JOIN LATERAL (
         SELECT q.id FROM email_queue AS q WHERE q.id = i.email_id AND q.status || '' = 'pending' FOR NO KEY UPDATE SKIP LOCKED
       ) AS waiting
       WHERE ${isOurs}),
    back AS (
      UPDATE email_queue AS q
         SET status     = i.status,
             attempts   = CASE WHEN q.claimed_by IS NULL THEN i.attempts ELSE greatest(i.attempts, q.attempts) END,
             recipients = CASE WHEN q.claimed_by IS NULL THEN i.recipients ELSE coalesce(i.recipients, '{}') || coalesce(q.recipients, '{}') END,
             sent_at    = i.sent_at,
             priority   = i.priority,
             prio       = greatest(1, least(10, coalesce(i.priority, 5))),
             not_after  = i.not_after
        FROM (SELECT * FROM locked ORDER BY ordinal) AS i
       WHERE q.id = i.email_id
   RETURNING i.ordinal)
    UPDATE fleet.replay_items AS i
       SET state = 'taken_back'
      FROM back
     WHERE i.replay_id = ${id} AND i.ordinal = back.ordinal`.execute(transaction)
}

async function finishStop(transaction: Transaction<DB>, { id }: Replay): Promise<'stopped' | 'in_hand'> {
  const { rows } = await sql<{ id: number }>`
    UPDATE fleet.replays
       SET state = 'stopped', ended_at = fleet.utc_now() AT TIME ZONE 'UTC'
     WHERE id = ${id} AND state = 'stopping'
       AND NOT EXISTS (
         SELECT FROM fleet.replay_items AS i
           JOIN email_queue AS q ON q.id = i.email_id
          WHERE i.replay_id = ${id} AND i.state = 'replayed' AND q.status || '' IN ('pending', 'sending') AND ${isOurs})
 RETURNING id`.execute(transaction)
  return rows.length > 0 ? 'stopped' : 'in_hand'
}

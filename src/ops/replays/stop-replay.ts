import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { recordAudit } from '../audit.ts'
import type { Replay } from './replay.ts'
import { sendReplayJob } from './replay-job.ts'

/**
 * From its commit on nothing more of the replay is put back. What waits of it is taken back by `takeBack`, which this process, another or a
 * lifecycle worker does. False where there was nothing to stop: it has been stopped already.
 */
export async function requestStop(db: Kysely<DB>, { id, actor }: { id: number; actor: string }): Promise<boolean> {
  return db.transaction().execute(async (transaction) => {
    const { rows } = await sql<{ state: string }>`
      UPDATE fleet.replays
         SET state = 'stopping', stopped_by = left(${actor}, 255), ended_at = NULL
       WHERE id = ${id} AND state NOT IN ('stopping', 'stopped')
   RETURNING state`.execute(transaction)
    if (rows.length === 0) return false
    await recordAudit(transaction, {
      actor,
      action: 'stop_replay',
      entityType: 'replay',
      entityId: id,
      changes: { replay: id },
    })
    await sendReplayJob(transaction)
    return true
  })
}

/**
 * Makes the mails of a replay that wait what they were before. They are locked first, all of them, in the order in which workers claim: that
 * outruns the workers, and from then on none goes out. What a worker has in hand goes out; should it come back to wait, it is taken back
 * then. Answers whether the replay has ended, or has mails in hand still.
 */
export async function takeBack(db: Kysely<DB>, replay: Replay): Promise<'stopped' | 'in_hand'> {
  return db.transaction().execute(async (transaction) => {
    await awaitBatches(transaction, replay)
    await lockWaiting(transaction, replay)
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

/** Another replay that has put the mail back since has it. */
const isOurs = sql`
  NOT EXISTS (SELECT FROM fleet.replay_items AS later
               WHERE later.email_id = i.email_id AND later.replay_id > i.replay_id AND later.state = 'replayed')`

async function lockWaiting(transaction: Transaction<DB>, { id }: Replay): Promise<void> {
  await sql`
    SELECT count(*)
      FROM (SELECT q.id
              FROM fleet.replay_items AS i
              JOIN email_queue AS q ON q.id = i.email_id
             WHERE i.replay_id = ${id} AND i.state = 'replayed' AND q.status = 'pending'
             ORDER BY i.ordinal
               FOR NO KEY UPDATE OF q SKIP LOCKED) AS locked`.execute(transaction)
}

/** A mail that was tried meanwhile keeps what came of it. */
async function restoreWaiting(transaction: Transaction<DB>, { id }: Replay): Promise<void> {
  await sql`
    WITH back AS (
      UPDATE email_queue AS q
         SET status     = i.status,
             attempts   = CASE WHEN q.claimed_by IS NULL THEN i.attempts ELSE greatest(i.attempts, q.attempts) END,
             recipients = CASE WHEN q.claimed_by IS NULL THEN i.recipients ELSE coalesce(i.recipients, '{}') || coalesce(q.recipients, '{}') END,
             sent_at    = i.sent_at,
             priority   = i.priority,
             prio       = greatest(1, least(10, coalesce(i.priority, 5))),
             not_after  = i.not_after
        FROM fleet.replay_items AS i
       WHERE i.replay_id = ${id} AND i.state = 'replayed' AND q.id = i.email_id AND q.status = 'pending' AND ${isOurs}
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
          WHERE i.replay_id = ${id} AND i.state = 'replayed' AND q.status IN ('pending', 'sending') AND ${isOurs})
 RETURNING id`.execute(transaction)
  return rows.length > 0 ? 'stopped' : 'in_hand'
}

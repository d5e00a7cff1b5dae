import { sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { columnList, readMailColumns } from '../../email/archive-store.ts'
import { isAmong } from './replay-store.ts'

/**
 * Moves the archived mails among these items back into the queue, as they were when they ended, so that there is one way of changing
 * them. Never waits for one that another session has locked. Deletes only what the queue has taken.
 * What was erased stays where it is.
 */
export async function restoreMails(
  transaction: Transaction<DB>,
  replayId: number,
  ordinals: readonly number[],
): Promise<void> {
  const { kept } = await readMailColumns(transaction)
  await sql`SELECT set_config('fleet.restoring', 'on', true)`.execute(transaction)
  await sql`
    WITH taken AS MATERIALIZED (
      SELECT ${columnList(kept, 'a')}, a.ended_at
        FROM fleet.replay_items AS i
        JOIN fleet.email_archive AS a ON a.id = i.email_id AND a.ended_at = i.changed_at
       WHERE i.replay_id = ${replayId} AND ${isAmong(ordinals)} AND i.is_archived AND a.erased_at IS NULL
         FOR UPDATE OF a SKIP LOCKED),
    restored AS (
      INSERT INTO email_queue (${columnList(kept)})
      SELECT ${columnList(kept, 'taken')} FROM taken
          ON CONFLICT DO NOTHING
   RETURNING id)
    DELETE FROM fleet.email_archive AS a
     USING taken JOIN restored USING (id)
     WHERE a.id = taken.id AND a.ended_at = taken.ended_at`.execute(transaction)
}

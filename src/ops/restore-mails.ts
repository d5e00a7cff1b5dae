import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import { columnList, readMailColumns } from '../email/archive-store.ts'
import type { MailFilter } from './mail-filter.ts'
import { archivedStatuses, meantMails } from './meant-mails.ts'
import type { ChangeRequest, StatusChange } from './status-change.ts'

/**
 * Moves the archived mails that a change is to be made to back into the queue, as they were when they ended, so that there is one way
 * of changing them; answers their ids. Never waits for one that another session has locked. Deletes only what the queue has taken.
 */
export async function restoreMails(
  transaction: Transaction<DB>,
  change: StatusChange<MailFilter>,
  { filter, limit }: ChangeRequest<MailFilter>,
): Promise<number[]> {
  if (archivedStatuses(change, filter).length === 0) return []
  const { kept } = await readMailColumns(transaction)
  await restoring(transaction, 'on')
  const { rows } = await sql<{ id: number }>`
    WITH meant AS MATERIALIZED (${meantMails(change, filter)}),
    chosen AS MATERIALIZED (
      SELECT id, ended_at FROM meant WHERE obstacle IS NULL ORDER BY prio, id LIMIT ${limit ?? null}),
    taken AS MATERIALIZED (
      SELECT ${columnList(kept, 'a')}, a.ended_at
        FROM chosen
        JOIN fleet.email_archive AS a USING (id, ended_at)
         FOR UPDATE OF a SKIP LOCKED),
    restored AS (
      INSERT INTO email_queue (${columnList(kept)})
      SELECT ${columnList(kept, 'taken')} FROM taken
          ON CONFLICT DO NOTHING
   RETURNING id)
    DELETE FROM fleet.email_archive AS a
     USING taken JOIN restored USING (id)
     WHERE a.id = taken.id AND a.ended_at = taken.ended_at
 RETURNING a.id`.execute(transaction)
  await restoring(transaction, 'off')
  return rows.map(({ id }) => id)
}

/** While it is on, the triggers of `email_queue` leave the stamps of inserted rows alone. */
async function restoring(transaction: Transaction<DB>, state: 'on' | 'off'): Promise<void> {
  await sql`SELECT set_config('fleet.restoring', ${state}, true)`.execute(transaction)
}

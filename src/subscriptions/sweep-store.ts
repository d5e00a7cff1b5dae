import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { SweepCounts } from './sweep-result.ts'

/** How far the database's clock is ahead of this host's, in milliseconds, as well as a round trip lets it be told. */
export async function clockDifferenceMs(db: Kysely<DB>): Promise<number> {
  const asked = Date.now()
  const { rows } = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(db)
  const answered = Date.now()
  return (rows[0]?.now.getTime() ?? answered) - (asked + answered) / 2
}

/** Projects and portraits that have a subscription which has not ended. It reads them all. */
export async function countActiveSubscriptions(db: Kysely<DB>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT ((SELECT count(*) FROM projects WHERE status = 'active' AND subscription_end > fleet.utc_now())
          + (SELECT count(*) FROM portraits WHERE status = 'active' AND subscription_end > fleet.utc_now()))::double precision AS count`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

/** Writes down that a pass begins. */
export async function beginSweep(
  db: Kysely<DB>,
  { worker, kind }: { readonly worker: string; readonly kind: 'sweep' | 'baseline' },
): Promise<string> {
  const { id } = await db.insertInto('fleet.sweeps').values({ worker, kind }).returning('id').executeTakeFirstOrThrow()
  return id
}

export async function endSweep(
  db: Kysely<DB>,
  id: string,
  { outcome, counts }: { readonly outcome: 'done' | 'blocked' | 'interrupted'; readonly counts: SweepCounts | object },
): Promise<void> {
  await db
    .updateTable('fleet.sweeps')
    .set({ outcome, counts: JSON.stringify(counts), ended_at: sql`now()` })
    .where('id', '=', id)
    .execute()
}

/** The last pass that was let through, which tells one incident from another; 0 for none. */
export async function lastDoneSweep(db: Kysely<DB>): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    SELECT coalesce(max(id), 0)::text AS id FROM fleet.sweeps WHERE outcome = 'done'`.execute(db)
  return rows[0]?.id ?? '0'
}

/** Deletes what is written down of passes of more than 90 days ago, but the last that was let through. Answers how many. */
export async function deleteOldSweeps(db: Kysely<DB>): Promise<number> {
  const { numAffectedRows } = await sql`
    DELETE FROM fleet.sweeps
     WHERE started_at < now() - interval '90 days'
       AND id < (SELECT max(id) FROM fleet.sweeps WHERE outcome = 'done')`.execute(db)
  return Number(numAffectedRows ?? 0)
}

import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

const queues = {
  email: {
    table: 'email_queue',
    handovers: 'fleet.email_handovers',
    ledger: { table: 'fleet.email_attempts', rowId: 'email_id' },
  },
  notifications: {
    table: 'notifications',
    handovers: 'fleet.notification_handovers',
    ledger: { table: 'fleet.notification_attempts', rowId: 'notification_id' },
  },
} as const

/**
 * Deletes the marks of messages handed over more than a day ago that no row being sent has: whoever cancelled or deleted the row took it
 * out of the hands of a worker that then died. Where the row is still there, its ledger says that nobody knows. Answers how many.
 */
export async function deleteOrphanHandovers(db: Kysely<DB>, queue: keyof typeof queues): Promise<number> {
  const { table, handovers, ledger } = queues[queue]
  const { rows } = await sql<{ deleted: number }>`
    WITH orphan AS (
      DELETE FROM ${sql.table(handovers)} AS h
       WHERE h.handed_over_at < fleet.utc_now() AT TIME ZONE 'UTC' - interval '1 day'
         AND NOT EXISTS (SELECT FROM ${sql.table(table)} AS q WHERE q.status = 'sending' AND q.claim_token = h.token)
   RETURNING token, handed_over_at
    ),
    noted AS (
      INSERT INTO ${sql.table(ledger.table)}
             (${sql.ref(ledger.rowId)}, attempt, token, worker, claimed_at, handed_over_at, outcome, error_class, reply)
      SELECT q.id, coalesce(q.attempts, 0), orphan.token, q.claimed_by, q.claimed_at, orphan.handed_over_at,
             'ambiguous', 'worker_died', 'Handed over, and no outcome was recorded for a day'
        FROM orphan
        JOIN ${sql.table(table)} AS q ON q.claim_token = orphan.token AND q.status <> 'sent'
    )
    SELECT count(*)::int AS deleted FROM orphan`.execute(db)
  return rows[0]?.deleted ?? 0
}

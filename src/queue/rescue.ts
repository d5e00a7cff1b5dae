import { sql } from 'kysely'
import type { Database } from '../db/pool.ts'
import type { LeasedTableDefinition } from './leased-table.ts'

export interface Rescue {
  readonly id: number
  readonly status: 'pending' | 'held'
  /** Whose lease ran out. */
  readonly claimedBy: string | null
  /** It had been handed over: the next system may have the message. */
  readonly ambiguous: boolean
}

/** A worker that died with a row in hand this many times is taken for the row's fault: it is held for an operator. */
const maxRescues = 3
/** Rows that were in hand together at a second death come apart, so that a third is about the one whose fault it is. */
const scatterSeconds = 30
/**
 * After the server has started no lease is over for so long: while it was down nobody could renew one. It may have started in what is
 * now the future: many machines set their clock after that.
 */
const graceSeconds = 5

/**
 * Takes back rows whose worker let its lease run out. Nothing of the attempt counts. What was handed over goes into the ledger as
 * ambiguous and is sent again, or held where the row or the configuration says so; the rest is as if it had never been claimed. The
 * third time a row is held.
 *
 * A lease that ends later than any worker could have asked for was given before the clock was set back: it is shortened.
 */
export async function rescueDead(
  database: Database,
  definition: LeasedTableDefinition,
  { leaseSeconds, limit }: { readonly leaseSeconds: number; readonly limit: number },
): Promise<Rescue[]> {
  const table = sql.table(definition.table)
  const lease = sql`${leaseSeconds}::float8 * interval '1 second'`
  const shortening = sql`
    WITH endless AS MATERIALIZED (
      SELECT id FROM ${table} AS q
       WHERE status = 'sending' AND leased_until > now() + 2 * ${lease} AND leased_until < 'infinity' AND ${definition.isOurs}
         FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE ${table} AS q SET leased_until = now() + ${lease} FROM endless WHERE q.id = endless.id`.compile(database.db)
  await database.runPrepared(`${definition.name} shorten leases`, shortening)
  const isLast = sql`q.rescues + 1 >= ${sql.lit(maxRescues)}`
  const rescue = sql<Rescue>`
    WITH dead AS MATERIALIZED (
      SELECT id, claim_token
        FROM ${table} AS q
       WHERE status = 'sending' AND (leased_until IS NULL OR leased_until < now()) AND ${definition.isOurs}
         AND now() NOT BETWEEN pg_postmaster_start_time()
                           AND pg_postmaster_start_time() + ${sql.lit(graceSeconds)} * interval '1 second'
       LIMIT ${sql.lit(limit)}
         FOR UPDATE SKIP LOCKED
    ),
    marks AS (
      DELETE FROM ${sql.table(definition.handovers)} AS h
       USING dead
       WHERE h.token = dead.claim_token
   RETURNING h.token, h.handed_over_at
    ),
    rescued AS (
      UPDATE ${table} AS q
         SET status       = CASE WHEN ${isLast} OR (marks.token IS NOT NULL AND ${definition.holdsAmbiguous})
                                 THEN 'held' ELSE 'pending' END,
             rescues      = q.rescues + 1,
             attempts     = greatest(0, q.attempts - 1),
             due_at       = CASE WHEN q.rescues = 1 THEN now() + random() * ${sql.lit(scatterSeconds)} * interval '1 second'
                                 ELSE q.due_at END,
             leased_until = NULL,
             error_class  = CASE WHEN marks.token IS NOT NULL AND NOT (${isLast}) THEN 'answer_lost' ELSE 'worker_died' END,
             last_error   = format(
               CASE WHEN marks.token IS NOT NULL
                    THEN 'The worker %s died after the message was handed over: whether it was taken nobody knows (%s of %s times before it is held)'
                    ELSE 'The worker %s died with this row in hand (%s of %s times before it is held)' END,
               q.claimed_by, q.rescues + 1, ${sql.lit(maxRescues)}::int)
        FROM dead LEFT JOIN marks ON marks.token = dead.claim_token
       WHERE q.id = dead.id
   RETURNING q.id, q.status, q.claimed_by, q.claimed_at, q.claim_token, q.attempts + 1 AS attempt, q.last_error,
             marks.handed_over_at
    ),
    entered AS (
      INSERT INTO ${sql.table(definition.ledger.table)}
             (${sql.ref(definition.ledger.rowId)}, attempt, token, worker, claimed_at, handed_over_at, outcome, error_class, reply)
      SELECT id, attempt, claim_token, claimed_by, claimed_at, handed_over_at, 'ambiguous', 'worker_died', last_error
        FROM rescued
       WHERE handed_over_at IS NOT NULL
    )
    SELECT id, status, claimed_by AS "claimedBy", handed_over_at IS NOT NULL AS ambiguous FROM rescued`.compile(
    database.db,
  )
  return database.runPrepared(`${definition.name} rescue`, rescue)
}

import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { AttemptResult, LeasedTableDefinition } from './leased-table.ts'

export interface Recorded {
  /** Rows that were no longer this claim's: cancelled, or rescued by another. */
  readonly fenced: readonly number[]
  /** Results whose rows another program has locked, to be tried again: nobody else's outcome waits for it. */
  readonly locked: readonly AttemptResult[]
}

const longestReason = 2000

/**
 * Records how attempts ended, in one statement. A row that is no longer this claim's takes only the fact that recipients have the
 * mail. A row that is locked is left for later: other programs may forget a transaction over lunch.
 */
export async function recordOutcomes(
  db: Kysely<DB>,
  { name, onRecord }: LeasedTableDefinition,
  results: readonly AttemptResult[],
): Promise<Recorded> {
  const recorded = await sql<{ token: string }>`
    WITH r AS MATERIALIZED (SELECT * FROM ${resultSet(results, 'details')}),
    free AS MATERIALIZED (
      SELECT q.id, r.token
        FROM ${sql.table(name)} AS q
        JOIN r ON q.id = r.id
       WHERE q.claim_token = r.token AND q.status = 'sending'
         FOR NO KEY UPDATE OF q SKIP LOCKED
    )
    UPDATE ${sql.table(name)} AS q
       SET status       = r.status,
           attempts     = q.attempts - r.give_back,
           due_at       = CASE WHEN r.delay_ms > 0
                               THEN least(fleet.utc_now() + r.delay_ms * interval '1 ms', q.not_after) AT TIME ZONE 'UTC'
                               ELSE q.due_at END,
           last_error   = CASE WHEN r.status = 'pending' THEN coalesce(r.reason, q.last_error) ELSE r.reason END,
           error_class  = CASE WHEN r.status = 'pending' THEN coalesce(r.error_class, q.error_class) ELSE r.error_class END,
           leased_until = NULL,
           ${onRecord}
      FROM r JOIN free USING (id, token)
     WHERE q.id = r.id
 RETURNING q.claim_token::text AS token`.execute(db)
  if (recorded.rows.length === results.length) return { fenced: [], locked: [] }
  const written = new Set(recorded.rows.map(({ token }) => token))
  const unwritten = results.filter(({ token }) => !written.has(token))
  return sortOut(db, { name, onRecord }, unwritten)
}

async function sortOut(
  db: Kysely<DB>,
  definition: Pick<LeasedTableDefinition, 'name' | 'onRecord'>,
  results: readonly AttemptResult[],
): Promise<Recorded> {
  const { rows } = await sql<{ token: string }>`
    SELECT claim_token::text AS token
      FROM ${sql.table(definition.name)}
     WHERE id = ANY(${results.map(({ id }) => id)}::int[]) AND status = 'sending'`.execute(db)
  const ours = new Set(rows.map(({ token }) => token))
  const fenced: number[] = []
  const locked: AttemptResult[] = []
  // One by one: a row may have more than one late result.
  for (const result of results) {
    if (ours.has(result.token) || !(await recordLate(db, definition, result))) locked.push(result)
    else fenced.push(result.id)
  }
  return { fenced, locked }
}

/** False when another program has the row locked. */
async function recordLate(
  db: Kysely<DB>,
  { name, onRecord }: Pick<LeasedTableDefinition, 'name' | 'onRecord'>,
  result: AttemptResult,
): Promise<boolean> {
  const { rows } = await sql<{ exists: boolean; free: boolean }>`
    WITH free AS MATERIALIZED (
      SELECT id FROM ${sql.table(name)} WHERE id = ${result.id} FOR NO KEY UPDATE SKIP LOCKED
    ), written AS (
      UPDATE ${sql.table(name)} AS q
         SET status       = CASE WHEN r.status = 'sent' THEN 'sent' ELSE q.status END,
             last_error   = CASE WHEN r.status = 'sent' THEN NULL ELSE q.last_error END,
             error_class  = CASE WHEN r.status = 'sent' THEN NULL ELSE q.error_class END,
             leased_until = CASE WHEN r.status = 'sent' THEN NULL ELSE q.leased_until END,
             ${onRecord}
        FROM ${resultSet([result], 'delivered')}
        JOIN free USING (id)
       WHERE q.id = r.id AND q.status <> 'sent'
    )
    SELECT EXISTS (SELECT FROM free) AS free,
           EXISTS (SELECT FROM ${sql.table(name)} WHERE id = ${result.id}) AS exists`.execute(db)
  const [row] = rows
  return row === undefined || row.free || !row.exists
}

function resultSet(results: readonly AttemptResult[], part: 'details' | 'delivered'): RawBuilder<unknown> {
  const records = results.map((result) => ({ ...toRecord(result), details: result[part] }))
  return sql`jsonb_to_recordset(${JSON.stringify(records)}::jsonb)
    AS r(id int, token bigint, status text, give_back int, delay_ms float8, reason text, error_class text, details jsonb)`
}

function toRecord({ id, token, settlement }: AttemptResult): Record<string, unknown> {
  const common = { id, token, status: settlement.status, give_back: 0, delay_ms: 0 }
  switch (settlement.status) {
    case 'sent':
      return common
    case 'failed':
    case 'skipped':
      return { ...common, reason: plain(settlement.reason), error_class: settlement.errorClass }
    case 'pending':
      return {
        ...common,
        reason: settlement.reason && plain(settlement.reason),
        error_class: settlement.errorClass,
        delay_ms: settlement.delayMs,
        give_back: settlement.giveBack ? 1 : 0,
      }
  }
}

/** Text as PostgreSQL can hold it (no NUL, no half of a surrogate pair), and no longer than anybody reads. */
function plain(text: string): string {
  return text.replaceAll('\0', '').slice(0, longestReason).toWellFormed()
}

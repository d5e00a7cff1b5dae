import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../db/pool.ts'
import type { AttemptResult, LeasedTableDefinition } from './leased-table.ts'

export interface Recorded {
  /** Rows that were no longer this claim's: cancelled, or rescued by another. */
  readonly fenced: readonly number[]
  /** Results whose rows another program has locked, to be tried again: nobody else's outcome waits for it. */
  readonly locked: readonly AttemptResult[]
}

interface Recording {
  readonly database: Database
  readonly definition: LeasedTableDefinition
  /** Who made the attempts. */
  readonly owner: string
}

const longestReason = 2000

/**
 * Records how attempts ended, in one statement: the row, behind the fence; the ledger; and that the hand-over is no longer open. A row
 * that is no longer this claim's takes only the fact that recipients have the mail. A row that is locked is left for later: other
 * programs may forget a transaction over lunch.
 */
export async function recordOutcomes(recording: Recording, results: readonly AttemptResult[]): Promise<Recorded> {
  const { database, definition } = recording
  const table = sql.table(definition.table)
  const statement = sql<{ token: string }>`
    WITH r AS MATERIALIZED (SELECT * FROM ${resultSet(results, 'details')}),
    free AS MATERIALIZED (
      SELECT q.id, r.token
        FROM r
       CROSS JOIN LATERAL (
         SELECT id, status FROM ${table} WHERE id = r.id AND claim_token = r.token FOR NO KEY UPDATE SKIP LOCKED
       ) AS q
       WHERE q.status = 'sending'
    ),
    recorded AS (
      UPDATE ${table} AS q
         SET status       = r.status,
             attempts     = q.attempts - r.give_back,
             due_at       = CASE WHEN r.delay_ms > 0
                                 THEN least(fleet.utc_now() + r.delay_ms * interval '1 ms', q.not_after) AT TIME ZONE 'UTC'
                                 ELSE q.due_at END,
             last_error   = CASE WHEN r.status = 'pending' THEN coalesce(r.reason, q.last_error) ELSE r.reason END,
             error_class  = CASE WHEN r.status = 'pending' THEN coalesce(r.error_class, q.error_class) ELSE r.error_class END,
             -- What was handed on to another queue is in nobody's hands here.
             leased_until = CASE WHEN r.status = 'sending' THEN 'infinity'::timestamptz END,
             ${definition.onRecord}
        FROM r JOIN free USING (id, token)
       WHERE q.id = r.id
   RETURNING q.claim_token AS token, q.claimed_at
    ),
    ${enter(recording)}
    ${definition.alongside ? sql`, ${definition.alongside}` : sql``}
    SELECT token::text FROM recorded`.compile(database.db)
  const recorded = await database.runPrepared(`${definition.name} record`, statement)
  if (recorded.length === results.length) return { fenced: [], locked: [] }
  const written = new Set(recorded.map(({ token }) => token))
  return sortOut(
    recording,
    results.filter(({ token }) => !written.has(token)),
  )
}

/** Of `recorded`, a row for each attempt that ended: the entries of the ledger, and the end of their hand-overs. */
function enter({ definition, owner }: Recording): RawBuilder<unknown> {
  const { handovers, ledger } = definition
  return sql`
    over AS (
      DELETE FROM ${sql.table(handovers)} AS h USING recorded WHERE h.token = recorded.token RETURNING h.token, h.handed_over_at
    ),
    entered AS (
      INSERT INTO ${sql.table(ledger.table)}
             (${sql.ref(ledger.rowId)}, attempt, token, worker, claimed_at, handed_over_at, outcome, error_class,
              ${sql.ref(ledger.code)}, ${sql.ref(ledger.providerCode)}, reply, transport, duration_ms)
      SELECT r.id, r.attempt, r.token, ${owner}, recorded.claimed_at, over.handed_over_at, r.outcome, r.attempt_class, r.code,
             r.provider_code, r.reply, r.transport, r.duration_ms
        FROM recorded JOIN r USING (token) LEFT JOIN over USING (token)
       WHERE r.outcome IS NOT NULL
    )`
}

async function sortOut(recording: Recording, results: readonly AttemptResult[]): Promise<Recorded> {
  const { database, definition } = recording
  const statement = sql<{ token: string }>`
    SELECT claim_token::text AS token
      FROM ${sql.table(definition.table)}
     WHERE id = ANY(${results.map(({ id }) => id)}::int[]) AND status = 'sending'`.compile(database.db)
  const rows = await database.runPrepared(`${definition.name} still sending`, statement)
  const ours = new Set(rows.map(({ token }) => token))
  const fenced: number[] = []
  const locked: AttemptResult[] = []
  // One by one: a row may have more than one late result.
  for (const result of results) {
    if (ours.has(result.token) || !(await recordLate(recording, result))) locked.push(result)
    else fenced.push(result.id)
  }
  return { fenced, locked }
}

/** False when another program has the row locked. The ledger is told of the attempt also where the row is gone. */
async function recordLate(recording: Recording, result: AttemptResult): Promise<boolean> {
  const { database, definition } = recording
  const { ledger } = definition
  const table = sql.table(definition.table)
  const statement = sql<{ exists: boolean; free: boolean }>`
    WITH r AS MATERIALIZED (SELECT * FROM ${resultSet([result], 'delivered')}),
    free AS MATERIALIZED (
      SELECT id, claim_token, claimed_at FROM ${table} WHERE id = ${result.id} FOR NO KEY UPDATE SKIP LOCKED
    ),
    written AS (
      UPDATE ${table} AS q
         SET status       = CASE WHEN r.status = 'sent' THEN 'sent' ELSE q.status END,
             last_error   = CASE WHEN r.status = 'sent' THEN NULL ELSE q.last_error END,
             error_class  = CASE WHEN r.status = 'sent' THEN NULL ELSE q.error_class END,
             leased_until = CASE WHEN r.status = 'sent' THEN NULL ELSE q.leased_until END,
             ${definition.onRecord}
        FROM r
        JOIN free USING (id)
       WHERE q.id = r.id AND q.status <> 'sent'
    ),
    recorded AS (
      SELECT r.token, CASE WHEN free.claim_token = r.token THEN free.claimed_at END AS claimed_at
        FROM r LEFT JOIN free USING (id)
       WHERE (free.id IS NOT NULL OR NOT EXISTS (SELECT FROM ${table} WHERE id = ${result.id}))
         -- It is there when only the database's answer was lost.
         AND NOT EXISTS (
           SELECT FROM ${sql.table(ledger.table)} AS known
            WHERE known.${sql.ref(ledger.rowId)} = ${result.id} AND known.token = r.token AND known.outcome = r.outcome)
    ),
    ${enter(recording)}
    SELECT EXISTS (SELECT FROM free) AS free,
           EXISTS (SELECT FROM ${table} WHERE id = ${result.id}) AS exists`.compile(database.db)
  const rows = await database.runPrepared(`${definition.name} record late`, statement)
  const [row] = rows
  return row === undefined || row.free || !row.exists
}

function resultSet(results: readonly AttemptResult[], part: 'details' | 'delivered'): RawBuilder<unknown> {
  const records = results.map((result) => ({ ...toRecord(result), ...toEntry(result), details: result[part] }))
  return sql`jsonb_to_recordset(${JSON.stringify(records)}::jsonb)
    AS r(id int, token bigint, status text, give_back int, delay_ms float8, reason text, error_class text, details jsonb,
         attempt int, outcome text, attempt_class text, code smallint, provider_code text, reply text, transport text, duration_ms int)`
}

function toRecord({ id, token, settlement }: AttemptResult): Record<string, unknown> {
  const common = { id, token, status: settlement.status, give_back: 0, delay_ms: 0 }
  switch (settlement.status) {
    case 'sent':
    case 'sending':
      return common
    case 'failed':
    case 'skipped':
    case 'held':
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

function toEntry({ entry }: AttemptResult): Record<string, unknown> {
  if (entry === undefined) return {}
  const { attempt, outcome, errorClass, code, providerCode, reply, transport, durationMs } = entry
  return {
    attempt,
    outcome,
    attempt_class: errorClass,
    code,
    provider_code: providerCode,
    reply: reply && plain(reply),
    transport,
    duration_ms: durationMs,
  }
}

/** Text as PostgreSQL can hold it (no NUL, no half of a surrogate pair), and no longer than anybody reads. */
function plain(text: string): string {
  return text.replaceAll('\0', '').slice(0, longestReason).toWellFormed()
}

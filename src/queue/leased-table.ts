import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { Settlement } from './settlement.ts'

/** What makes a table a leased queue, beside the columns that all of them share. */
export interface LeasedTableDefinition {
  readonly name: 'email_queue'
  /** Columns that a claim returns, beside `id`, `token`, `attempt` and `max_attempts`. */
  readonly columns: readonly string[]
  /** Assignments made with a claim. The row is `q`. */
  readonly onClaim: RawBuilder<unknown>
  /** Assignments made with an outcome. The row is `q`, the outcome `r`, with what the channel adds in `r.details`. */
  readonly onRecord: RawBuilder<unknown>
}

/** The columns every claim has. */
export interface Claim {
  readonly id: number
  /** From a sequence; recording demands it, so that nobody whose lease has passed to another can write. */
  readonly token: string
  /** This attempt's number: 1 and up. */
  readonly attempt: number
  readonly max_attempts: number
}

export interface AttemptResult {
  readonly id: number
  readonly token: string
  readonly settlement: Settlement
  /** What the channel records beside the settlement. */
  readonly details: Readonly<Record<string, unknown>>
  /** The part of `details` that is true whoever holds the row by now: who has the message. */
  readonly delivered: Readonly<Record<string, unknown>>
}

export interface Rescue {
  readonly id: number
  readonly status: 'pending' | 'held'
  /** Whose lease ran out. */
  readonly claimed_by: string | null
}

/** A worker that died with a row in hand this many times is taken for the row's fault: it is held for an operator. */
const maxRescues = 3
const reapBatch = 1000

/** A table whose rows are claimed under a lease, worked on outside any transaction, and recorded behind a fence. */
export class LeasedTable<Row extends Claim> {
  readonly #db: Kysely<DB>
  readonly #definition: LeasedTableDefinition
  readonly #owner: string
  readonly #leaseSeconds: number

  constructor(
    db: Kysely<DB>,
    definition: LeasedTableDefinition,
    { owner, leaseSeconds }: { readonly owner: string; readonly leaseSeconds: number },
  ) {
    this.#db = db
    this.#definition = definition
    this.#owner = owner
    this.#leaseSeconds = leaseSeconds
  }

  /**
   * Takes up to `limit` rows that are due, most urgent and longest due first, never one that another holds. Rows past their
   * `not_after` end as `expired` on the way.
   *
   * One index probe for each priority costs the same whatever lies scheduled ahead or sent behind. The limit is a literal: with a
   * bound one PostgreSQL would come to prefer a generic plan that scans the table.
   */
  async claim(limit: number): Promise<{ rows: Row[]; expired: number[] }> {
    const { name, columns, onClaim } = this.#definition
    const count = sql.lit(Math.trunc(limit))
    const { rows } = await sql<Row & { status: string; prio: number; due_at: Date }>`
      WITH due AS MATERIALIZED (
        SELECT ready.id
          FROM generate_series(1, 10) AS p(prio)
         CROSS JOIN LATERAL (
           SELECT id
             FROM ${sql.table(name)}
            WHERE status = 'pending' AND prio = p.prio AND due_at <= fleet.utc_now() AT TIME ZONE 'UTC'
            ORDER BY due_at, id
            LIMIT ${count}
              FOR UPDATE SKIP LOCKED
         ) AS ready
         LIMIT ${count}
      )
      UPDATE ${sql.table(name)} AS q
         SET status       = CASE WHEN q.not_after <= fleet.utc_now() THEN 'expired' ELSE 'sending' END,
             attempts     = coalesce(q.attempts, 0) + CASE WHEN q.not_after <= fleet.utc_now() THEN 0 ELSE 1 END,
             claim_token  = nextval('fleet.claim_token_seq'),
             claimed_by   = ${this.#owner},
             leased_until = CASE WHEN q.not_after <= fleet.utc_now() THEN NULL ELSE now() + ${this.#lease()} END,
             ${onClaim}
        FROM due
       WHERE q.id = due.id
   RETURNING q.id, q.claim_token::text AS token, q.attempts AS attempt, coalesce(q.max_attempts, 3) AS max_attempts,
             q.status, q.prio, q.due_at, ${sql.join(columns.map((column) => sql.ref(`q.${column}`)))}`.execute(this.#db)
    rows.sort((a, b) => a.prio - b.prio || a.due_at.getTime() - b.due_at.getTime() || a.id - b.id)
    return {
      rows: rows.filter((row) => row.status === 'sending'),
      expired: rows.filter((row) => row.status === 'expired').map((row) => row.id),
    }
  }

  /** Prolongs the lease of rows in hand; answers the tokens of those that are still this worker's. */
  async renew(claims: readonly Claim[]): Promise<Set<string>> {
    const { rows } = await sql<{ token: string }>`
      UPDATE ${sql.table(this.#definition.name)}
         SET leased_until = now() + ${this.#lease()}
       WHERE id = ANY(${claims.map((claim) => claim.id)}::int[])
         AND claim_token = ANY(${claims.map((claim) => claim.token)}::bigint[])
         AND status = 'sending'
   RETURNING claim_token::text AS token`.execute(this.#db)
    return new Set(rows.map((row) => row.token))
  }

  /**
   * Records how attempts ended, in one statement. A row that is no longer this claim's (cancelled, or rescued by another) takes
   * only the fact that recipients have the mail: `fenced` names those rows.
   */
  async record(results: readonly AttemptResult[]): Promise<{ fenced: number[] }> {
    const { name, onRecord } = this.#definition
    const recorded = await sql<{ token: string }>`
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
        FROM ${resultSet(results, 'details')}
       WHERE q.id = r.id AND q.claim_token = r.token AND q.status = 'sending'
   RETURNING q.claim_token::text AS token`.execute(this.#db)
    if (recorded.rows.length === results.length) return { fenced: [] }
    const tokens = new Set(recorded.rows.map((row) => row.token))
    const fenced = results.filter((result) => !tokens.has(result.token))
    await this.#recordLate(fenced)
    return { fenced: fenced.map((result) => result.id) }
  }

  async #recordLate(results: readonly AttemptResult[]): Promise<void> {
    const { name, onRecord } = this.#definition
    await sql`
      UPDATE ${sql.table(name)} AS q
         SET status       = CASE WHEN r.status = 'sent' THEN 'sent' ELSE q.status END,
             last_error   = CASE WHEN r.status = 'sent' THEN NULL ELSE q.last_error END,
             error_class  = CASE WHEN r.status = 'sent' THEN NULL ELSE q.error_class END,
             leased_until = CASE WHEN r.status = 'sent' THEN NULL ELSE q.leased_until END,
             ${onRecord}
        FROM ${resultSet(results, 'delivered')}
       WHERE q.id = r.id AND q.status <> 'sent'`.execute(this.#db)
  }

  /**
   * Takes back rows whose worker let its lease run out: they are due again and the attempt is given back, or, the third time, held.
   * Any worker may call it at any time; several at once share the work.
   */
  async reap(): Promise<Rescue[]> {
    const table = sql.table(this.#definition.name)
    const { rows } = await sql<Rescue>`
      WITH dead AS MATERIALIZED (
        SELECT id
          FROM ${table}
         WHERE status = 'sending' AND (leased_until IS NULL OR leased_until < now())
         LIMIT ${sql.lit(reapBatch)}
           FOR UPDATE SKIP LOCKED
      )
      UPDATE ${table} AS q
         SET status       = CASE WHEN q.rescues + 1 < ${sql.lit(maxRescues)} THEN 'pending' ELSE 'held' END,
             rescues      = q.rescues + 1,
             attempts     = greatest(0, q.attempts - 1),
             leased_until = NULL,
             error_class  = 'worker_died',
             last_error   = format('The worker %s died with this row in hand (%s of %s times before it is held)',
                                   q.claimed_by, q.rescues + 1, ${sql.lit(maxRescues)}::int)
        FROM dead
       WHERE q.id = dead.id
   RETURNING q.id, q.status, q.claimed_by`.execute(this.#db)
    return rows
  }

  #lease(): RawBuilder<unknown> {
    return sql`${sql.lit(this.#leaseSeconds)} * interval '1 second'`
  }
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

/** Text as PostgreSQL can hold it (no NUL), and no longer than anybody reads. */
function plain(text: string): string {
  return text.replaceAll('\0', '').slice(0, 2000)
}

import { type CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { Database } from '../db/pool.ts'
import type { AttemptEntry } from './attempt-entry.ts'
import { type Recorded, recordOutcomes } from './outcome-record.ts'
import { type Rescue, rescueDead } from './rescue.ts'
import type { Settlement } from './settlement.ts'

/** What makes a table, or a part of it, a leased queue, beside the columns that all of them share. */
export interface LeasedTableDefinition {
  /** Names its statements. */
  readonly name: string
  readonly table: string
  /** Whether row `q` of the table is of this queue. */
  readonly isOurs: RawBuilder<boolean>
  /** What `fleet.may_send()` and people know it by. */
  readonly queue: string
  /** Whether row `q`, which is due, may be claimed now. */
  readonly isReady: RawBuilder<boolean>
  /** Whether claimed row `q` may be handed over still: it sees other claims that were made in the same moment, as `isReady` cannot. */
  readonly mayGo?: RawBuilder<boolean>
  /** The append-only ledger of attempts, and what its columns are called that name the row, and hold the codes of an answer. */
  readonly ledger: {
    readonly table: string
    readonly rowId: string
    readonly code: string
    readonly providerCode: string
  }
  /** The claims whose message the next system may have. */
  readonly handovers: string
  /** What a claim returns of row `q`, beside what every claim has. */
  readonly columns: RawBuilder<unknown>
  /** Assignments made with a claim. The row is `q`. */
  readonly onClaim?: RawBuilder<unknown>
  /** Assignments made with an outcome. The row is `q`, the outcome `r`, with what the channel adds in `r.details`. */
  readonly onRecord: RawBuilder<unknown>
  /** Queries (`name AS (…)`) that write with an outcome: for each row of `recorded`, with `r` of the same `token`. */
  readonly alongside?: RawBuilder<unknown>
  /** Whether row `q` is held for an operator, rather than sent again, when nobody can know whether the message was taken. */
  readonly holdsAmbiguous: RawBuilder<boolean>
}

/** The columns every claim has. */
export interface Claim {
  readonly id: number
  /** From a sequence; recording demands it, so that nobody whose lease has passed to another can write. */
  readonly token: string
  /** This attempt's number: 1 and up. */
  readonly attempt: number
  readonly max_attempts: number
  /** 1 (most urgent) to 10. */
  readonly prio: number
  /** Seconds of the epoch; may be infinite. */
  readonly due: number
  /** Since it was inserted, or was to go out, if later: in milliseconds. */
  readonly waited_ms: number
  /** Held for an operator when nobody can know whether the message was taken. */
  readonly holds_ambiguous: boolean
}

type Claimed<Row> = Row & { readonly status: string }

export interface AttemptResult {
  readonly id: number
  readonly token: string
  readonly settlement: Settlement
  /** What the ledger keeps; undefined where the row is given back without an attempt. */
  readonly entry: AttemptEntry | undefined
  /** What the channel records beside the settlement. */
  readonly details: Readonly<Record<string, unknown>>
  /** The part of `details` that is true whoever holds the row by now: who has the message. */
  readonly delivered: Readonly<Record<string, unknown>>
}

export interface ClaimRequest {
  /** Rows at most, rounded down to a power of two: the number is part of the statement, and there must not be too many. */
  readonly limit: number
  /** Only rows that are more urgent than this priority. */
  readonly before?: number | undefined
}

export interface Claims<Row extends Claim> {
  /** The most urgent first. */
  readonly rows: Row[]
  readonly expired: number[]
  /** There may be more. */
  readonly more: boolean
}

export interface LeasedTableOptions {
  /** Names the process to others. */
  readonly owner: string
  readonly leaseSeconds: number
  /** Of the worker: a database that is stamped with another one sends nothing. */
  readonly environment?: string | undefined
}

/** Rows that are rescued in one statement at most. */
export const rescuedAtOnce = 1000
const batch = 1000
/** Other programs may have written any number. */
const mostAttempts = 1_000_000
const leastUrgent = 10

/** A table whose rows are claimed under a lease, worked on outside any transaction, and recorded behind a fence. */
export class LeasedTable<Row extends Claim> {
  readonly #database: Database
  readonly #definition: LeasedTableDefinition
  readonly #owner: string
  readonly #lease: RawBuilder<unknown>
  /** Asked once for each statement: nothing is paused, and this is the right database. */
  readonly #maySend: RawBuilder<boolean>
  readonly #leaseSeconds: number
  /** Compiled once: that took a sixth of a claim's time. */
  readonly #statements = new Map<string, CompiledQuery<Claimed<Row>>>()

  constructor(
    database: Database,
    definition: LeasedTableDefinition,
    { owner, leaseSeconds, environment }: LeasedTableOptions,
  ) {
    this.#database = database
    this.#definition = definition
    this.#owner = owner
    this.#leaseSeconds = leaseSeconds
    this.#maySend = sql`(SELECT fleet.may_send(${sql.lit(definition.queue)}, ${environment ?? null}::text))`
    this.#lease = sql`${leaseSeconds}::float8 * interval '1 second'`
  }

  /**
   * Takes up to `limit` rows that are due, most urgent and longest due first, never one that another holds. Rows past their
   * `not_after` end as `expired` on the way.
   *
   * One index probe for each priority costs the same whatever lies scheduled ahead or sent behind. The limit is a literal: with a
   * bound one PostgreSQL would not know, when it plans, that few rows are wanted.
   */
  async claim({ limit, before = leastUrgent + 1 }: ClaimRequest): Promise<Claims<Row>> {
    const most = powerOfTwo(limit)
    const name = `claim ${most} before ${before}`
    const statement = this.#statements.get(name) ?? this.#compileClaim(sql.lit(most), sql.lit(before - 1))
    this.#statements.set(name, statement)
    const rows = await this.#database.runPrepared(`${this.#definition.name} ${name}`, statement)
    rows.sort(byUrgency)
    return {
      rows: rows.filter((row) => row.status === 'sending'),
      expired: rows.filter((row) => row.status === 'expired').map((row) => row.id),
      more: rows.length === most,
    }
  }

  #compileClaim(count: RawBuilder<unknown>, upTo: RawBuilder<unknown>): CompiledQuery<Claimed<Row>> {
    const { table, isOurs, isReady, columns, onClaim, holdsAmbiguous } = this.#definition
    const late = sql`q.not_after <= fleet.utc_now()`
    return sql<Claimed<Row>>`
      WITH due AS MATERIALIZED (
        SELECT ready.id
          FROM generate_series(1, ${upTo}) AS p(prio)
         CROSS JOIN LATERAL (
           SELECT id
             FROM ${sql.table(table)} AS q
            WHERE status = 'pending' AND prio = p.prio AND due_at <= fleet.utc_now() AT TIME ZONE 'UTC'
              AND ${this.#maySend} AND ${isOurs} AND ${isReady}
            ORDER BY due_at, id
            LIMIT ${count}
              FOR UPDATE OF q SKIP LOCKED
         ) AS ready
         LIMIT ${count}
      )
      UPDATE ${sql.table(table)} AS q
         SET status       = CASE WHEN ${late} THEN 'expired' ELSE 'sending' END,
             attempts     = greatest(0, least(coalesce(q.attempts, 0), ${sql.lit(mostAttempts)})) + CASE WHEN ${late} THEN 0 ELSE 1 END,
             claim_token  = nextval('fleet.claim_token_seq'),
             claimed_by   = ${this.#owner},
             claimed_at   = now(),
             leased_until = CASE WHEN ${late} THEN NULL ELSE clock_timestamp() + ${this.#lease} END,
             error_class  = CASE WHEN ${late} THEN 'expired' ELSE q.error_class END,
             last_error   = CASE WHEN ${late} THEN 'Not sent before its not_after' ELSE q.last_error END
             ${onClaim ? sql`, ${onClaim}` : sql``}
        FROM due
       WHERE q.id = due.id
   RETURNING q.id, q.claim_token::text AS token, q.attempts AS attempt, coalesce(q.max_attempts, 3) AS max_attempts,
             q.status, q.prio, extract(epoch FROM q.due_at)::float8 AS due, ${holdsAmbiguous} AS holds_ambiguous,
             extract(epoch FROM fleet.utc_now() AT TIME ZONE 'UTC' - greatest(q.enqueued_at, q.scheduled_at AT TIME ZONE 'UTC'))::float8
               * 1000 AS waited_ms,
             ${columns}`.compile(this.#database.db)
  }

  /**
   * Makes durable that these rows are about to be handed over, in one statement; answers the tokens of those that are still this
   * worker's. The others must not be handed over: cancelled, rescued, their lease has run out, or they may not go now.
   */
  async handOver(claims: readonly Claim[]): Promise<Set<string>> {
    const { table, handovers, mayGo = sql`true` } = this.#definition
    // What was marked before, when the answer was lost, is marked.
    const statement = sql<{ token: string }>`
      WITH ours AS MATERIALIZED (
        SELECT c.token
          FROM unnest(${claims.map(({ id }) => id)}::int[], ${claims.map(({ token }) => token)}::bigint[]) AS c(id, token)
         CROSS JOIN LATERAL (
           SELECT claim_token, status, leased_until, ${mayGo} AS may_go FROM ${sql.table(table)} AS q WHERE id = c.id OFFSET 0
         ) AS q
         WHERE ${this.#maySend} AND q.may_go AND q.claim_token = c.token AND q.status = 'sending' AND q.leased_until > now()
      ),
      marked AS (
        INSERT INTO ${sql.table(handovers)} (token) SELECT token FROM ours ON CONFLICT DO NOTHING
      )
      SELECT token::text FROM ours`.compile(this.#database.db)
    const rows = await this.#database.runPrepared(`${this.#definition.name} hand over`, statement)
    return new Set(rows.map(({ token }) => token))
  }

  /**
   * Prolongs the lease of rows in hand; answers the tokens of those that were prolonged, and of those still this worker's whose row
   * another program has locked: these must not wait, and are not lost either.
   */
  async renew(claims: readonly Claim[]): Promise<{ renewed: Set<string>; locked: Set<string> }> {
    const mine = sql`id = ANY(${claims.map((claim) => claim.id)}::int[])
      AND claim_token = ANY(${claims.map((claim) => claim.token)}::bigint[]) AND status = 'sending'`
    const table = sql.table(this.#definition.table)
    const renewal = sql<{ token: string }>`
      WITH free AS MATERIALIZED (SELECT id FROM ${table} WHERE ${mine} FOR NO KEY UPDATE SKIP LOCKED)
      UPDATE ${table} AS q
         SET leased_until = now() + ${this.#lease}
        FROM free
       WHERE q.id = free.id
   RETURNING q.claim_token::text AS token`.compile(this.#database.db)
    const renewed = await this.#database.runPrepared(`${this.#definition.name} renew`, renewal)
    const tokens = new Set(renewed.map(({ token }) => token))
    if (tokens.size === claims.length) return { renewed: tokens, locked: new Set() }
    const rest = sql<{ token: string }>`SELECT claim_token::text AS token FROM ${table} WHERE ${mine}`
    const rows = await this.#database.runPrepared(
      `${this.#definition.name} still held`,
      rest.compile(this.#database.db),
    )
    return { renewed: tokens, locked: new Set(rows.map(({ token }) => token).filter((token) => !tokens.has(token))) }
  }

  /** Takes back rows whose worker let its lease run out. Any worker may call it at any time; several at once share the work. */
  reap(): Promise<Rescue[]> {
    return rescueDead(this.#database, this.#definition, { leaseSeconds: this.#leaseSeconds, limit: rescuedAtOnce })
  }

  /** Ends waiting rows whose `not_after` has passed, also while nothing is claimed; answers their ids. */
  async expire(): Promise<number[]> {
    const table = sql.table(this.#definition.table)
    const statement = sql<{ id: number }>`
      WITH late AS MATERIALIZED (
        SELECT id
          FROM ${table} AS q
         WHERE status = 'pending' AND not_after <= fleet.utc_now() AND ${this.#definition.isOurs}
         LIMIT ${sql.lit(batch)}
           FOR UPDATE SKIP LOCKED
      )
      UPDATE ${table} AS q
         SET status = 'expired', error_class = 'expired', last_error = 'Not sent before its not_after'
        FROM late
       WHERE q.id = late.id
   RETURNING q.id`.compile(this.#database.db)
    const rows = await this.#database.runPrepared(`${this.#definition.name} expire`, statement)
    return rows.map(({ id }) => id)
  }

  /** Records how attempts ended. */
  record(results: readonly AttemptResult[]): Promise<Recorded> {
    return recordOutcomes({ database: this.#database, definition: this.#definition, owner: this.#owner }, results)
  }
}

function powerOfTwo(limit: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, limit)))
}

/** The most urgent and longest due first. By numbers: times may be infinite, which are no Dates. */
export function byUrgency(a: Claim, b: Claim): number {
  return a.prio - b.prio || Number(a.due > b.due) - Number(a.due < b.due) || a.id - b.id
}

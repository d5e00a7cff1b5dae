import { type Kysely, sql } from 'kysely'
import type { DB } from '../../src/db/schema.ts'
import type { Departure } from './crew.ts'
import type { Queue } from './queue.ts'
import type { Sink } from './sink.ts'

export interface Row {
  readonly id: number
  /** `handed on`: its message is in another queue. */
  readonly status: string
  /** What the sink knows its message by. */
  readonly key: string
  /** What the sink has to take of it. */
  readonly pieces: readonly string[]
  /** What the sink may have refused for good, so that it failed. */
  readonly refusable: readonly string[]
  readonly mayBeHeld: boolean
  readonly rescues: number
  readonly lastError: string | null
}

interface LedgerEntry {
  readonly rowId: number
  readonly token: string
  readonly outcome: string
}

/** What a round has left in the database. */
export interface Tables {
  readonly rows: readonly Row[]
  readonly ledger: readonly LedgerEntry[]
  /** Tokens of hand-overs that are still open. */
  readonly marks: readonly string[]
}

/** What a round has left behind. */
export interface Evidence extends Tables, Pick<Sink, 'deliveries' | 'refused'> {
  /** Rows whose INSERT was confirmed. */
  readonly confirmed: readonly number[]
  readonly connections: number
  /** Processes that lost what they had in hand. */
  readonly bereft: number
  readonly departures: readonly Departure[]
  readonly bugs: readonly string[]
}

export interface Violation {
  /** The guarantee that does not hold. */
  readonly check: string
  readonly evidence: string
}

export interface LedgerNames {
  readonly ledger: string
  /** The column that names the row. */
  readonly rowId: string
  readonly handovers: string
}

export async function readLedger(db: Kysely<DB>, names: LedgerNames): Promise<Pick<Tables, 'ledger' | 'marks'>> {
  const ledger = await sql<LedgerEntry>`
    SELECT ${sql.ref(names.rowId)} AS "rowId", token::text AS token, outcome
      FROM ${sql.table(names.ledger)} ORDER BY ended_at`.execute(db)
  const marks = await sql<{ token: string }>`SELECT token::text AS token FROM ${sql.table(names.handovers)}`.execute(db)
  return { ledger: ledger.rows, marks: marks.rows.map(({ token }) => token) }
}

export interface Unfinished {
  /** Of the rows up to this one. */
  readonly upTo?: number
  /** What this process has in hand is left out. */
  readonly exceptOf?: number
}

/** How many rows still have something before them in this queue. */
export async function countUnfinished(
  db: Kysely<DB>,
  { table }: Pick<Queue, 'table'>,
  { upTo = 2 ** 31 - 1, exceptOf = 0 }: Unfinished = {},
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM ${sql.table(table)}
     WHERE id <= ${upTo} AND (status = 'pending' OR (status = 'sending' AND leased_until IS DISTINCT FROM 'infinity'
                                                     AND claimed_by NOT LIKE ${`%:${exceptOf}`}))`.execute(db)
  return rows[0]?.count ?? 0
}

/** How often each piece of a row's message was taken. */
export function acceptances(
  { key }: Pick<Row, 'key'>,
  { deliveries }: Pick<Evidence, 'deliveries'>,
): [string, number][] {
  return [...(deliveries.get(key) ?? [])]
}

/** How often nobody could know whether the message was taken. */
export function ambiguousOf({ id }: Pick<Row, 'id'>, { ledger }: Pick<Evidence, 'ledger'>): number {
  return ledger.filter(({ rowId, outcome }) => rowId === id && outcome === 'ambiguous').length
}

/** What a row is called where something is wrong with it. */
export function name({ id, key }: Pick<Row, 'id' | 'key'>): string {
  return `row ${id} ${key}`
}

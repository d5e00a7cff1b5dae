import { type Kysely, sql } from 'kysely'
import type { DB } from '../../src/db/schema.ts'
import type { Departure } from './crew.ts'

export interface MailRow {
  readonly id: number
  readonly status: string
  readonly messageId: string | null
  readonly recipients: readonly string[]
  readonly mayBeHeld: boolean
  readonly rescues: number
  readonly lastError: string | null
}

export interface LedgerEntry {
  readonly emailId: number
  readonly token: string
  readonly outcome: string
}

/** What a round has left behind. */
export interface Evidence {
  readonly rows: readonly MailRow[]
  readonly ledger: readonly LedgerEntry[]
  /** Tokens of hand-overs that are still open. */
  readonly marks: readonly string[]
  /** Rows whose INSERT was confirmed. */
  readonly confirmed: readonly number[]
  /** The sink's: for each Message-ID how often it was accepted for each recipient. */
  readonly deliveries: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Recipients refused for good at some time. */
  readonly refused: ReadonlySet<string>
  readonly connections: number
  /** Processes that lost what they had in hand. */
  readonly bereft: number
  readonly departures: readonly Departure[]
  readonly bugs: readonly string[]
}

/** What the database has to say of a round. */
export async function readTables(db: Kysely<DB>): Promise<Pick<Evidence, 'rows' | 'ledger' | 'marks'>> {
  const rows = await sql<MailRow>`
    SELECT id, status, message_id AS "messageId", rescues, last_error AS "lastError",
           array_remove(ARRAY[recipient_to, recipient_cc, recipient_bcc], NULL) AS recipients,
           when_ambiguous = 'hold' IS TRUE AS "mayBeHeld"
      FROM email_queue ORDER BY id`.execute(db)
  const ledger = await sql<LedgerEntry>`
    SELECT email_id AS "emailId", token::text AS token, outcome FROM fleet.email_attempts ORDER BY ended_at`.execute(db)
  const marks = await sql<{ token: string }>`SELECT token::text AS token FROM fleet.email_handovers`.execute(db)
  return { rows: rows.rows, ledger: ledger.rows, marks: marks.rows.map(({ token }) => token) }
}

/** How many rows, of all or up to one, still have something before them. */
export async function countUnfinished(db: Kysely<DB>, upTo = 2 ** 31 - 1): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM email_queue WHERE id <= ${upTo} AND status IN ('pending', 'sending')`.execute(db)
  return rows[0]?.count ?? 0
}

export async function clearTables(db: Kysely<DB>): Promise<void> {
  await sql`TRUNCATE email_queue, fleet.email_attempts, fleet.email_handovers`.execute(db)
}

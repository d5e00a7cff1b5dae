import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { erasedAddress } from '../../email/erased.ts'
import type { AddressMatcher } from './address-matcher.ts'
import type { ForgetTally } from './report.ts'
import { holds, isWithin, type KeyRange, type TextTable } from './text-tables.ts'
import { judgeMessage, type MessageFacts, type Verdict } from './verdict.ts'

/** Mails of the queue, mails of the archive, or notifications. In the SQL that it gives, `q` is a row of it. */
export interface MessageKind {
  /** Its columns that name recipients; the first is never NULL where there are any. */
  readonly recipientFields: readonly string[]
  /** Whether a worker may write to the row still. */
  readonly isInHand: RawBuilder<boolean>
  /** Erases the messages, and what else is known of them: what servers answered. */
  erase(transaction: Transaction<DB>, erasure: Erasure): Promise<void>
  /** Takes the address out of the recipients of messages that wait. */
  takeOut(transaction: Transaction<DB>, erasure: Erasure): Promise<void>
}

export interface Erasure {
  readonly table: TextTable
  readonly matcher: AddressMatcher
  readonly messages: readonly JudgedMessage[]
}

export interface JudgedMessage {
  readonly id: number
  readonly verdict: Verdict
  /** What its fields become, in the order of `recipientFields`. */
  readonly fields: readonly (string | null)[]
  /** They name the address now. One that was taken out before does not. */
  readonly isNamed: boolean
}

export interface Part {
  readonly table: TextTable
  readonly range: KeyRange
  readonly matcher: AddressMatcher
  readonly tally: ForgetTally
  /** False to look only. */
  readonly acts: boolean
}

/**
 * Finds the messages within the range that the address stands in, and does to each what it is judged to. Never waits for a row that
 * another session has locked, and counts it as left. To be called in a transaction.
 */
export async function forgetMessages(transaction: Transaction<DB>, kind: MessageKind, part: Part): Promise<void> {
  const { table, matcher, tally, acts } = part
  const ids = await findMessages(transaction, kind, part)
  if (ids.length === 0) return
  const rows = await readMessages(transaction, kind, { table, ids, locks: acts })
  const messages = rows.map((row) => judge(row, matcher))
  const judged = (...verdicts: Verdict[]) => messages.filter(({ verdict }) => verdicts.includes(verdict))
  const takenOut = judged('take_out').filter(({ isNamed }) => isNamed)
  if (acts) {
    await kind.erase(transaction, { table, matcher, messages: judged('erase', 'cancel') })
    await kind.takeOut(transaction, { table, matcher, messages: takenOut })
  }
  const read = new Set(rows.map(({ id }) => id))
  const done = { erased: judged('erase'), cancelled: judged('cancel'), taken_out: takenOut }
  const left = {
    waits: judged('waits', 'take_out').map(({ id }) => id),
    being_sent: judged('being_sent').map(({ id }) => id),
    locked: ids.filter((id) => !read.has(id)),
  }
  for (const what of ['erased', 'cancelled', 'taken_out'] as const)
    tally.addDone({ table: table.name, what, rows: done[what].length })
  for (const reason of ['waits', 'being_sent', 'locked'] as const)
    tally.addLeft({ table: table.name, reason, rows: left[reason].length, ids: left[reason] })
}

interface MessageRow {
  readonly id: number
  readonly status: string | null
  readonly isInHand: boolean
  readonly fields: readonly (string | null)[]
}

/** What an earlier run has taken an address out of, and could not erase before it had gone, is found by what stands in its place. */
async function findMessages(db: Kysely<DB>, { recipientFields }: MessageKind, part: Part): Promise<number[]> {
  const { table, range, matcher } = part
  const isUnfinished = sql.join(
    recipientFields.map((field) => sql`strpos(${sql.ref(`q.${field}`)}, ${erasedAddress}) > 0`),
    sql` OR `,
  )
  const { rows } = await sql<{ id: number }>`
    SELECT q.id
      FROM ${sql.raw(table.name)} AS q
     WHERE ${isWithin(table, range)}
       AND (${holds(table.columns, matcher)} OR (q.erased_at IS NULL AND (${isUnfinished})))
     ORDER BY q.id`.execute(db)
  return rows.map(({ id }) => id)
}

async function readMessages(
  db: Kysely<DB>,
  { recipientFields, isInHand }: MessageKind,
  { table, ids, locks }: { table: TextTable; ids: readonly number[]; locks: boolean },
): Promise<MessageRow[]> {
  const { rows } = await sql<MessageRow>`
    SELECT q.id, q.status, coalesce(${isInHand}, false) AS "isInHand",
           ARRAY[${sql.join(recipientFields.map((field) => sql`${sql.ref(`q.${field}`)}::text`))}] AS fields
      FROM ${sql.raw(table.name)} AS q
     WHERE q.id = ANY(${ids}::int[])
     ORDER BY q.id
     ${locks ? sql`FOR NO KEY UPDATE OF q SKIP LOCKED` : sql``}`.execute(db)
  return rows
}

function judge(row: MessageRow, matcher: AddressMatcher): JudgedMessage {
  const fields = row.fields.map((field) => field && matcher.maskRecipients(field))
  const named = fields.join(',')
  const facts: MessageFacts = {
    ...row,
    isRecipient: named.includes(erasedAddress),
    hasOthers: named.replaceAll(erasedAddress, '').includes('@'),
  }
  const isNamed = fields.some((field, place) => field !== row.fields[place])
  return { id: row.id, verdict: judgeMessage(facts), fields, isNamed }
}

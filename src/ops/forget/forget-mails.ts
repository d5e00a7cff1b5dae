import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { eraseContent } from '../../email/erased.ts'
import type { AddressMatcher } from './address-matcher.ts'
import type { Erasure, MessageKind } from './messages.ts'
import { holds, maskColumns, masked } from './text-tables.ts'

const recipientFields = ['recipient_to', 'recipient_cc', 'recipient_bcc'] as const
/** Columns that are not just masked. */
const ownWay: readonly string[] = [
  ...recipientFields,
  'subject',
  'body',
  'html',
  'variables',
  'dedup_key',
  'last_error',
  'recipients',
  'status',
]
const fieldCharacters = 255

export const queuedMails: MessageKind = {
  recipientFields,
  isInHand: sql`(q.status = 'sending' OR (q.status = 'cancelled' AND q.leased_until > now()))`,
  erase,
  takeOut,
}

export const archivedMails: MessageKind = { ...queuedMails, isInHand: sql`false` }

async function erase(transaction: Transaction<DB>, erasure: Erasure): Promise<void> {
  const { table, matcher, messages } = erasure
  if (messages.length === 0) return
  const ids = messages.map(({ id }) => id)
  const others = table.columns.filter(({ name }) => !ownWay.includes(name))
  const key = table.columns.filter(({ name }) => name === 'dedup_key')
  // With the key goes that a second mail of that name would not be sent: whoever inserts one knows the address still.
  await sql`
    UPDATE ${sql.raw(table.name)} AS q
       SET ${maskColumns(others, matcher)}, ${givenFields}, ${eraseContent},
           status     = CASE WHEN given.cancels THEN 'cancelled' ELSE q.status END,
           dedup_key  = CASE WHEN ${holds(key, matcher)} THEN NULL ELSE q.dedup_key END,
           last_error = NULL,
           recipients = ${withoutReplies(matcher)}
      FROM ${givenRows(erasure)}
     WHERE q.id = given.id`.execute(transaction)
  await sql`
    UPDATE fleet.email_attempts SET reply = NULL WHERE email_id = ANY(${ids}::int[]) AND reply IS NOT NULL`.execute(
    transaction,
  )
  await sql`
    UPDATE fleet.replay_items AS q SET recipients = ${withoutReplies(matcher)}
     WHERE q.email_id = ANY(${ids}::int[]) AND q.recipients IS NOT NULL`.execute(transaction)
}

async function takeOut(transaction: Transaction<DB>, erasure: Erasure): Promise<void> {
  const { table, matcher, messages } = erasure
  if (messages.length === 0) return
  const known = table.columns.filter(({ name }) => name === 'last_error' || name === 'recipients')
  await sql`
    UPDATE ${sql.raw(table.name)} AS q
       SET ${maskColumns(known, matcher)}, ${givenFields}
      FROM ${givenRows(erasure)}
     WHERE q.id = given.id`.execute(transaction)
}

const givenFields = sql.join(
  recipientFields.map(
    (field) => sql`${sql.id(field)} = left(${sql.ref(`given.${field}`)}, ${sql.lit(fieldCharacters)})`,
  ),
)

function givenRows({ messages }: Erasure): RawBuilder<unknown> {
  const column = (place: number) => messages.map(({ fields }) => fields[place] ?? null)
  return sql`
    unnest(${messages.map(({ id }) => id)}::int[], ${column(0)}::text[], ${column(1)}::text[], ${column(2)}::text[],
           ${messages.map(({ verdict }) => verdict === 'cancel')}::boolean[])
      AS given(id, recipient_to, recipient_cc, recipient_bcc, cancels)`
}

/** What became of each recipient, but not what was answered: replies name people in ways of their own. */
function withoutReplies(matcher: AddressMatcher): RawBuilder<unknown> {
  const states = sql`
    CASE WHEN jsonb_typeof(q.recipients) = 'object' THEN (
      SELECT jsonb_object_agg(r.key, CASE WHEN jsonb_typeof(r.value) = 'object' AND r.value ? 'reply'
                                          THEN r.value || '{"reply": "erased"}' ELSE r.value END)
        FROM jsonb_each(q.recipients) AS r)
    ELSE q.recipients END`
  return sql`${masked(sql`(${states})`, matcher)}::jsonb`
}

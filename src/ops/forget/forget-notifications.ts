import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import type { Erasure, MessageKind } from './messages.ts'
import { holds, maskColumns } from './text-tables.ts'

/** Columns that are not just masked. */
const ownWay: readonly string[] = [
  ...['recipient', 'subject', 'message', 'event_data', 'parts', 'dedup_key'],
  ...['last_error', 'email_error', 'telegram_error', 'status'],
]

export const notifications: MessageKind = {
  recipientFields: ['recipient'],
  isInHand: sql`
    (q.status = 'sending' OR (q.status = 'cancelled' AND q.leased_until > now() AND isfinite(q.leased_until)))`,
  erase,
  takeOut,
}

/** Of the facts the name of the notice stays: by it the sweep knows what it has told. */
async function erase(transaction: Transaction<DB>, erasure: Erasure): Promise<void> {
  const { table, matcher, messages } = erasure
  if (messages.length === 0) return
  const others = table.columns.filter(({ name }) => !ownWay.includes(name))
  const key = table.columns.filter(({ name }) => name === 'dedup_key')
  await sql`
    UPDATE notifications AS q
       SET ${maskColumns(others, matcher)},
           recipient  = given.recipient, subject = NULL, message = NULL, parts = NULL,
           event_data = CASE WHEN q.event_data ? 'notice' THEN jsonb_build_object('notice', q.event_data -> 'notice') ELSE '{}' END,
           last_error = NULL, email_error = NULL, telegram_error = NULL,
           dedup_key  = CASE WHEN ${holds(key, matcher)} THEN NULL ELSE q.dedup_key END,
           status     = CASE WHEN given.cancels THEN 'cancelled' ELSE q.status END,
           erased_at  = coalesce(q.erased_at, fleet.utc_now() AT TIME ZONE 'UTC')
      FROM ${givenRows(erasure)}
     WHERE q.id = given.id`.execute(transaction)
  await sql`
    UPDATE fleet.notification_attempts SET reply = NULL
     WHERE notification_id = ANY(${messages.map(({ id }) => id)}::int[]) AND reply IS NOT NULL`.execute(transaction)
}

/** The facts name the recipients, too, and are what they are looked up by. */
async function takeOut(transaction: Transaction<DB>, erasure: Erasure): Promise<void> {
  if (erasure.messages.length === 0) return
  await sql`
    UPDATE notifications AS q
       SET recipient  = given.recipient,
           event_data = CASE WHEN jsonb_typeof(q.event_data -> 'to') = 'string'
                             THEN jsonb_set(q.event_data, '{to}', to_jsonb(given.recipient)) ELSE q.event_data END
      FROM ${givenRows(erasure)}
     WHERE q.id = given.id`.execute(transaction)
}

function givenRows({ messages }: Erasure): RawBuilder<unknown> {
  return sql`
    unnest(${messages.map(({ id }) => id)}::int[], ${messages.map(({ fields }) => fields[0] ?? null)}::text[],
           ${messages.map(({ verdict }) => verdict === 'cancel')}::boolean[]) AS given(id, recipient, cancels)`
}

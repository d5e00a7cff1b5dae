import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'

/** Has all workers look at once, when this transaction commits, for what they may send. */
export async function wakeSenders(transaction: Transaction<DB>): Promise<void> {
  await sql`SELECT pg_notify('fleet_email', ''), pg_notify('fleet_notifications', '')`.execute(transaction)
}

import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** What time it is for everything the fleet decides: the database's clock, not this host's. */
export async function databaseNow(db: Kysely<DB>): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`SELECT fleet.utc_now() AS now`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('fleet.utc_now() answers nothing')
  return row.now
}

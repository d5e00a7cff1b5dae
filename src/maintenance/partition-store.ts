import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** `attached`: nothing to do; `prepared`: to be validated and attached; `left`: the month's rows stay in the default partition. */
export type PreparedState = 'attached' | 'prepared' | 'left'

/** The tables whose monthly partitions the fleet keeps, as SQL names with their schema. */
export async function listPartitionedTables(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT format('%I.%I', n.nspname, c.relname) AS name
      FROM fleet.partitioned_tables t
      JOIN pg_class c ON c.oid = t.parent
      JOIN pg_namespace n ON n.oid = c.relnamespace
     ORDER BY name`.execute(db)
  return rows.map(({ name }) => name)
}

/** `month` is any day of it, as `2026-11-01`. */
export async function preparePartition(db: Kysely<DB>, parent: string, month: string): Promise<PreparedState> {
  return call(
    db,
    sql<{ result: PreparedState }>`
    SELECT fleet.prepare_partition(${parent}::regclass, ${month}::date) AS result`,
  )
}

/** Reads a large default partition from end to end, while others write to it. */
export async function validatePartition(db: Kysely<DB>, parent: string, month: string): Promise<void> {
  await call(
    db,
    sql<{ result: unknown }>`
    SELECT fleet.validate_partition(${parent}::regclass, ${month}::date) AS result`,
  )
}

export async function attachPartition(db: Kysely<DB>, parent: string, month: string): Promise<void> {
  await call(
    db,
    sql<{ result: unknown }>`
    SELECT fleet.attach_partition(${parent}::regclass, ${month}::date) AS result`,
  )
}

/** Drops the oldest month that has ended by `before`, a day in UTC; its name, or null where there is none. */
export async function dropOnePartition(db: Kysely<DB>, parent: string, before: string): Promise<string | null> {
  return call(
    db,
    sql<{ result: string | null }>`
    SELECT fleet.drop_partitions(${parent}::regclass, ${before}::date) AS result`,
  )
}

/** Deletes `most` rows at most that are older than `before` from the default partition; how many it deleted. */
export async function deleteFromDefault(
  db: Kysely<DB>,
  parent: string,
  { before, most }: { before: string; most: number },
): Promise<number> {
  return call(
    db,
    sql<{ result: number }>`
    SELECT fleet.delete_from_default(${parent}::regclass, ${before}::date, ${most}::integer) AS result`,
  )
}

/** The planner's statistics, of the table as a whole and of each partition. */
export async function analyzePartitions(db: Kysely<DB>, parent: string): Promise<void> {
  await call(db, sql<{ result: unknown }>`SELECT fleet.analyze_partitions(${parent}::regclass) AS result`)
}

/** Each call is a transaction of its own. What takes long in one of them holds nobody up: no statement timeout. */
function call<T>(db: Kysely<DB>, query: RawBuilder<{ result: T }>): Promise<T> {
  return db.transaction().execute(async (transaction) => {
    await sql`SET LOCAL statement_timeout = 0`.execute(transaction)
    const { rows } = await query.execute(transaction)
    const [row] = rows
    if (row === undefined) throw new Error('a function answers nothing')
    return row.result
  })
}

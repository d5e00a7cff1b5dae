import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'
import type { Part } from './messages.ts'
import type { PlatformRows } from './report.ts'
import { holds, isWithin, maskColumns } from './text-tables.ts'

/** Takes the address out of whatever the rows within the range say. To be called in a transaction. */
export async function forgetRecords(transaction: Transaction<DB>, part: Part): Promise<void> {
  const { table, range, matcher, tally, acts } = part
  const found = sql`${isWithin(table, range)} AND ${holds(table.columns, matcher)}`
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM ${sql.raw(table.name)} AS q WHERE ${found}`.execute(transaction)
  const count = rows[0]?.count ?? 0
  if (count === 0) return
  if (acts) {
    await sql`
      UPDATE ${sql.raw(table.name)} AS q SET ${maskColumns(table.columns, matcher)} WHERE ${found}`.execute(transaction)
  }
  tally.addDone({ table: table.name, what: 'masked', rows: count })
}

/** Names the rows within the range of a table that is the platform's. */
export async function findOnPlatform(db: Kysely<DB>, { table, range, matcher, tally }: Part): Promise<void> {
  const { key, columns, name } = table
  const id = key === null ? sql`NULL` : sql.ref(`q.${key}`)
  const named = columns.map(
    (column) =>
      sql`CASE WHEN bool_or(${sql.ref(`q.${column.name}`)}::text ~* ${matcher.exact}) THEN ${column.name}::text END`,
  )
  const { rows } = await sql<Omit<PlatformRows, 'table'>>`
    SELECT count(*)::int AS rows, coalesce((array_agg(${id} ORDER BY ${id}) FILTER (WHERE ${id} IS NOT NULL))[1:20], '{}')::float8[] AS ids,
           array_remove(ARRAY[${sql.join(named)}], NULL) AS columns
      FROM ${sql.raw(name)} AS q
     WHERE ${isWithin(table, range)} AND ${holds(columns, matcher)}`.execute(db)
  for (const row of rows) tally.addPlatform({ table: name, ...row })
}

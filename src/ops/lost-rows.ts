import { type Kysely, sql } from 'kysely'
import { adoptionReport } from '../db/adoption/report.ts'
import { readMigrationScripts } from '../db/migration-script.ts'
import type { DB } from '../db/schema.ts'

/** A table that reverting would drop, with what it holds now. */
export interface LostRows {
  readonly table: string
  readonly rows: number
}

/** What reverting these migrations would lose: only tables that hold rows and that the migrations made. Counts exactly. */
export async function countLostRows(db: Kysely<DB>, names: readonly string[]): Promise<LostRows[]> {
  const scripts = await readMigrationScripts()
  const drops = scripts.filter(({ name }) => names.includes(name)).flatMap((script) => script.drops)
  const adopted = (await adoptionReport(db))?.foundTables ?? []
  const lost: LostRows[] = []
  for (const table of drops.filter((name) => !adopted.includes(name))) {
    const rows = await countRows(db, table)
    if (rows > 0) lost.push({ table, rows })
  }
  return lost
}

async function countRows(db: Kysely<DB>, table: string): Promise<number> {
  const qualified = table.includes('.') ? table : `public.${table}`
  const { rows: found } = await sql<{
    exists: boolean
  }>`SELECT to_regclass(${qualified}) IS NOT NULL AS exists`.execute(db)
  if (found[0]?.exists !== true) return 0
  const { rows } = await sql<{ count: string }>`SELECT count(*) FROM ${sql.table(qualified)}`.execute(db)
  return Number(rows[0]?.count)
}

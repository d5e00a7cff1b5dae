import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

export interface RowCount {
  readonly table: string
  readonly rows: number
  /** Counted one by one, or what the server's statistics say. */
  readonly counted: 'exactly' | 'by estimate'
}

/** Larger tables are not read for the sake of a number. */
const exactUpToBytes = 8 * 1024 * 1024

interface Candidate {
  readonly table: string
  readonly schema: string
  readonly name: string
  readonly bytes: number
  readonly estimate: number
  readonly readable: boolean
}

/**
 * How many rows each table of the platform and the fleet holds. Counts where that is quick and all rows are in sight; elsewhere the
 * statistics of the last ANALYZE or autovacuum speak. Needs no right to any table.
 */
export async function countRows(db: Kysely<DB>): Promise<RowCount[]> {
  const counts: RowCount[] = []
  for (const candidate of await readCandidates(db)) {
    const { table, estimate, bytes, readable } = candidate
    counts.push(
      readable && bytes <= exactUpToBytes
        ? { table, rows: await countExactly(db, candidate), counted: 'exactly' }
        : { table, rows: estimate, counted: 'by estimate' },
    )
  }
  return counts
}

/** A policy would hide rows from the count, and nothing would tell. */
async function readCandidates(db: Kysely<DB>): Promise<Candidate[]> {
  const { rows } = await sql<Candidate>`
    SELECT format('%I.%I', n.nspname, c.relname) AS table, n.nspname AS schema, c.relname AS name,
           parts.bytes, parts.estimate,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
             AND NOT row_security_active(c.oid) AS readable
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL (
             SELECT sum(pg_relation_size(p.oid))::float8 AS bytes,
                    sum(CASE WHEN p.reltuples > 0 THEN p.reltuples ELSE pg_stat_get_live_tuples(p.oid) END)::float8 AS estimate
               FROM (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid)) AS tree
               JOIN pg_class p ON p.oid = tree.oid AND p.relkind = 'r') AS parts
     WHERE n.nspname IN ('public', 'fleet') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     ORDER BY 1`.execute(db)
  return rows
}

async function countExactly(db: Kysely<DB>, { schema, name }: Candidate): Promise<number> {
  const { rows } = await sql<{ count: string }>`SELECT count(*) FROM ${sql.id(schema, name)}`.execute(db)
  return Number(rows[0]?.count)
}

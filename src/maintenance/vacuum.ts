import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/**
 * `VACUUM (ANALYZE)` of a table from which many rows have gone, where the database's user may: as its owner, a member of its owner, or with
 * MAINTAIN (PostgreSQL 17). Elsewhere autovacuum does it in its own time. Answers whether it did.
 *
 * There is no way round the right itself: VACUUM cannot run inside a function, so no owner can lend it.
 */
export async function vacuumIfAllowed(db: Kysely<DB>, table: string): Promise<boolean> {
  return db.connection().execute(async (connection) => {
    const { rows } = await sql<{ statement: string; timeout: string }>`
      SELECT format('VACUUM (ANALYZE) %s', c.oid::regclass) AS statement, current_setting('statement_timeout') AS timeout
        FROM pg_class c
       WHERE c.oid = ${table}::regclass
         AND CASE WHEN pg_has_role(c.relowner, 'USAGE') THEN true
                  WHEN current_setting('server_version_num')::integer >= 170000 THEN has_table_privilege(c.oid, 'MAINTAIN')
                  ELSE false END`.execute(connection)
    const [row] = rows
    if (row === undefined) return false
    await sql`SELECT set_config('statement_timeout', '0', false)`.execute(connection)
    try {
      await sql.raw(row.statement).execute(connection)
    } finally {
      await sql`SELECT set_config('statement_timeout', ${row.timeout}, false)`.execute(connection)
    }
    return true
  })
}

import { sql } from 'kysely'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf } from './finding.ts'

const kinds = {
  INDEX_INVALID: {
    severity: 'error',
    what: 'an index was left behind half made by `CREATE INDEX CONCURRENTLY`',
    why: 'Nothing is found through it, it enforces nothing reliably, and every write still pays for it.',
    remedy: 'in psql: REINDEX INDEX CONCURRENTLY it',
  },
} as const

const found = findingsOf(kinds)

/** Whether every index can be used. One that is being made is no finding. */
export const indexesCheck: Check<DatabaseContext> = {
  name: 'indexes',
  kinds,
  async examine({ db }) {
    const { rows } = await sql<{ index: string; table: string }>`
      SELECT i.indexrelid::regclass::text AS index, i.indrelid::regclass::text AS table
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname IN ('public', 'fleet', 'pgboss') AND c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready)
         AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.relid = i.indrelid)
       ORDER BY 1`.execute(db)
    const findings = rows.map(({ index, table }) =>
      found('INDEX_INVALID', { what: `${index} on ${table}`, remedy: `in psql: REINDEX INDEX CONCURRENTLY ${index}` }),
    )
    return fineUnless(findings, 'all of them are valid')
  },
}

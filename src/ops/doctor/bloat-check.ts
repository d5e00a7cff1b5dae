import { sql } from 'kysely'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf } from './finding.ts'

/** Autovacuum is due at 20 % and 50 rows, unless it is told otherwise: it has had time enough before this. */
const fewestDead = 20_000
const leastShare = 0.5

const kinds = {
  TABLE_BLOATED: {
    severity: 'warning',
    what: 'a table has 20,000 dead rows or more, and more than half as many as living ones',
    why: 'Every claim reads past the dead ones: sending slows down, and the table grows.',
    remedy:
      'in psql: VACUUM (ANALYZE) the table; if that does not help, something holds the dead rows back: see "horizon"',
  },
} as const

const found = findingsOf(kinds)

interface Bloated {
  readonly table: string
  readonly dead: string
  readonly live: string
  readonly size: string
}

/** Whether dead rows are cleared away. */
export const bloatCheck: Check<DatabaseContext> = {
  name: 'bloat',
  kinds,
  async examine({ db }) {
    const { rows } = await sql<Bloated>`
      SELECT relid::regclass::text AS table, to_char(n_dead_tup, 'FM999,999,999,999') AS dead,
             to_char(n_live_tup, 'FM999,999,999,999') AS live, pg_size_pretty(pg_table_size(relid)) AS size
        FROM pg_stat_user_tables
       WHERE schemaname IN ('public', 'fleet', 'pgboss') AND n_dead_tup >= ${fewestDead} AND n_dead_tup > n_live_tup * ${leastShare}::float8
       ORDER BY n_dead_tup DESC`.execute(db)
    const findings = rows.map(({ table, dead, live, size }) =>
      found('TABLE_BLOATED', {
        what: `${table}: ${dead} dead rows, ${live} living ones, ${size}`,
        remedy: `in psql: VACUUM (ANALYZE) ${table}; if that does not help, see "horizon" and "autovacuum"`,
      }),
    )
    return fineUnless(findings, 'no table has many dead rows')
  },
}

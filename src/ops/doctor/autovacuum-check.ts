import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf, listSome } from './finding.ts'

/** So many dead rows in a table that was never vacuumed are not the rest of a quiet hour. */
const manyDead = 1_000

const kinds = {
  AUTOVACUUM_OFF: {
    severity: 'error',
    what: '`autovacuum` or `track_counts`, which it needs, is off',
    why: 'Dead rows pile up in the queues, claims become slower by the day, and statistics grow old.',
    remedy: 'in psql: ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf()',
  },
  AUTOVACUUM_OFF_FOR_TABLE: {
    severity: 'error',
    what: 'a table has `autovacuum_enabled` off',
    why: 'Its dead rows pile up.',
    remedy: 'in psql: ALTER TABLE … RESET (autovacuum_enabled)',
  },
  AUTOVACUUM_NEVER: {
    severity: 'warning',
    what: 'a table has many dead rows and was never vacuumed since statistics are kept',
    why: 'Autovacuum does not get to it: it is held back, too slow, or asked too rarely.',
    remedy: 'in psql: VACUUM (ANALYZE) the table; give autovacuum more workers or less delay',
  },
} as const

const found = findingsOf(kinds)

interface State {
  readonly settingsOff: readonly string[]
  readonly tablesOff: readonly string[]
  readonly neverVacuumed: readonly { readonly table: string; readonly dead: number }[]
}

/** Whether somebody clears dead rows away. */
export const autovacuumCheck: Check<DatabaseContext> = {
  name: 'autovacuum',
  kinds,
  async examine({ db }) {
    const { settingsOff, tablesOff, neverVacuumed } = await readState(db)
    const resets = tablesOff.map((table) => `ALTER TABLE ${table} RESET (autovacuum_enabled)`)
    const findings = [
      ...(settingsOff.length > 0 ? [found('AUTOVACUUM_OFF', { what: `${settingsOff.join(' and ')}: off` })] : []),
      ...(tablesOff.length > 0
        ? [found('AUTOVACUUM_OFF_FOR_TABLE', { what: listSome(tablesOff), remedy: `in psql: ${resets.join('; ')}` })]
        : []),
      ...neverVacuumed.map(({ table, dead }) => found('AUTOVACUUM_NEVER', { what: `${table}: ${dead} dead rows` })),
    ]
    return fineUnless(findings, 'it is on, and gets to every table')
  },
}

async function readState(db: Kysely<DB>): Promise<State> {
  const { rows } = await sql<State>`
    SELECT ARRAY(SELECT name FROM pg_settings WHERE name IN ('autovacuum', 'track_counts') AND setting = 'off' ORDER BY 1) AS "settingsOff",
           ARRAY(SELECT c.oid::regclass::text
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  CROSS JOIN LATERAL pg_options_to_table(c.reloptions) AS o
                  WHERE n.nspname IN ('public', 'fleet', 'pgboss') AND c.relkind = 'r'
                    AND o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean
                  ORDER BY 1) AS "tablesOff",
           (SELECT coalesce(json_agg(json_build_object('table', relid::regclass::text, 'dead', n_dead_tup) ORDER BY n_dead_tup DESC), '[]')
              FROM pg_stat_user_tables
             WHERE schemaname IN ('public', 'fleet', 'pgboss') AND n_dead_tup >= ${manyDead}
               AND n_dead_tup > n_live_tup * 0.5
               AND last_vacuum IS NULL AND last_autovacuum IS NULL) AS "neverVacuumed"`.execute(db)
  return rows[0] ?? { settingsOff: [], tablesOff: [], neverVacuumed: [] }
}

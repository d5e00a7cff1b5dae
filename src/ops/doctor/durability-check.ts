import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf, listSome } from './finding.ts'

const kinds = {
  DURABILITY_OFF: {
    severity: 'error',
    what: '`fsync`, `full_page_writes` or `synchronous_commit` is off, for all or for a role or database',
    why: 'After a power cut the database may not know of mail that has gone out, and send it again, or be broken altogether.',
    remedy:
      'in psql: ALTER SYSTEM SET it = on; SELECT pg_reload_conf(); for a role: ALTER ROLE … RESET synchronous_commit',
  },
} as const

const found = findingsOf(kinds)

/** Whether what is recorded of a mail is still known after a power cut: delivery rests on it. */
export const durabilityCheck: Check<DatabaseContext> = {
  name: 'durability',
  kinds,
  async examine({ db }) {
    const off = await listSettingsOff(db)
    const what = listSome(
      off.map(({ setting }) => setting),
      5,
    )
    const remedy = `in psql: ${off.map(({ statement }) => statement).join('; ')}; SELECT pg_reload_conf()`
    const findings = off.length === 0 ? [] : [found('DURABILITY_OFF', { what, remedy })]
    return fineUnless(findings, 'fsync, full_page_writes and synchronous_commit are on')
  },
}

/** Those that hold for this connection, and those that other roles begin with in this database. */
async function listSettingsOff(db: Kysely<DB>): Promise<{ setting: string; statement: string }[]> {
  const { rows } = await sql<{ setting: string; statement: string }>`
    SELECT name || ' is off' AS setting, format('ALTER SYSTEM SET %s = on', name) AS statement
      FROM pg_settings
     WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' AND source NOT IN ('user', 'database', 'database user')
     UNION
    SELECT 'synchronous_commit is off for ' || concat_ws(' in ', nullif(setrole::regrole::text, '-'), datname),
           concat_ws(' ', 'ALTER', CASE WHEN setrole <> 0 THEN 'ROLE ' || setrole::regrole END,
                     CASE WHEN setdatabase <> 0 THEN CASE WHEN setrole <> 0 THEN 'IN ' ELSE '' END || 'DATABASE ' || quote_ident(datname) END,
                     'RESET synchronous_commit')
      FROM pg_db_role_setting LEFT JOIN pg_database ON pg_database.oid = setdatabase
     WHERE 'synchronous_commit=off' = ANY (setconfig) AND (setdatabase = 0 OR datname = current_database())
     ORDER BY 1`.execute(db)
  return rows
}

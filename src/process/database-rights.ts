import { type Kysely, sql } from 'kysely'
import { ConfigError } from '../config/config-error.ts'
import type { DB } from '../db/schema.ts'

interface Rights {
  readonly role: string
  /** As GRANT writes them: `UPDATE on email_queue`. */
  readonly lacking: readonly string[]
  /** Tables whose rows row-level security may hide from the role. */
  readonly hidden: readonly string[]
}

/**
 * Makes sure that the database's user may do what workers do, and sees every row: under row-level security without a policy of its own
 * it would find empty queues, and no error. Does nothing where the migration that gives rights has not been applied.
 * @throws {ConfigError} for a user who lacks something; it says which, and what to run.
 */
export async function requireRights(db: Kysely<DB>): Promise<void> {
  const { role, lacking, hidden } = await readRights(db)
  if (lacking.length === 0 && hidden.length === 0) return
  const reasons = [
    lacking.length > 0 && `lacks ${list(lacking)}`,
    hidden.length > 0 && `does not see every row of ${list(hidden)} (row-level security)`,
  ].filter((reason) => reason !== false)
  throw new ConfigError([
    {
      variable: 'DATABASE_URL',
      given: `the user ${role}`,
      reason: reasons.join(' and '),
      expected: `a member of fleet_worker: GRANT fleet_worker TO ${role}; then SELECT fleet.apply_roles()`,
    },
  ])
}

const named = 4

function list(things: readonly string[]): string {
  const rest = things.length - named
  return rest > 1 ? `${things.slice(0, named).join(', ')} and ${rest} more` : things.join(', ')
}

async function readRights(db: Kysely<DB>): Promise<Rights> {
  const { rows: found } = await sql<{ exists: boolean }>`
    SELECT to_regprocedure('fleet.role_grants()') IS NOT NULL AS exists`.execute(db)
  if (found[0]?.exists !== true) return { role: '', lacking: [], hidden: [] }
  // A policy that shows some rows only is as good as none: nobody would notice the others.
  const { rows } = await sql<Rights>`
    WITH wanted AS (SELECT * FROM fleet.role_grants() WHERE grantee = 'fleet_worker'),
    tables AS (SELECT DISTINCT id FROM wanted WHERE kind = 'TABLE')
    SELECT quote_ident(current_user) AS role,
           ARRAY(SELECT format('%s on %s', privilege, object) FROM wanted WHERE NOT CASE kind
                   WHEN 'DATABASE' THEN has_database_privilege(id, privilege)
                   WHEN 'SCHEMA'   THEN has_schema_privilege(id, privilege)
                   WHEN 'SEQUENCE' THEN has_sequence_privilege(id, privilege)
                   WHEN 'FUNCTION' THEN has_function_privilege(id, privilege)
                   ELSE CASE WHEN columns IS NULL THEN has_table_privilege(id, privilege)
                             ELSE has_any_column_privilege(id, privilege) END END
                 ORDER BY object, privilege) AS lacking,
           ARRAY(SELECT id::regclass::text FROM tables WHERE row_security_active(id) AND NOT EXISTS (
                   SELECT FROM pg_policy p CROSS JOIN unnest(p.polroles) AS member_of
                    WHERE p.polrelid = tables.id AND p.polpermissive AND p.polcmd = '*'
                      AND pg_get_expr(p.polqual, p.polrelid) = 'true'
                      AND (member_of = 0 OR pg_has_role(member_of, 'USAGE')))
                 ORDER BY 1) AS hidden`.execute(db)
  return rows[0] ?? { role: '', lacking: [], hidden: [] }
}

import { type Kysely, sql } from 'kysely'
import { getConstructionPlans } from 'pg-boss'

/**
 * pg-boss's own schema, `pgboss`, so that the workers need no right to create one.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // The plan brings its own transaction and its lock; the migration already runs inside ones.
  const plan = getConstructionPlans('pgboss')
    .replace(/^\s*BEGIN;/, '')
    .replace(/COMMIT;\s*$/, '')
  await sql.raw(plan).execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP SCHEMA pgboss CASCADE`.execute(db)
}

import { type Kysely, sql } from 'kysely'
import { getConstructionPlans } from 'pg-boss'

/**
 * pg-boss's own schema, `pgboss`, so that the workers need no right to create one. It needs PostgreSQL 13: on 12 there is a warning
 * instead, and no worker runs there.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // The plan brings a transaction and a lock timeout of its own; the migration already runs inside of one.
  const plan = getConstructionPlans('pgboss')
    .replace(/^\s*BEGIN;\s*SET LOCAL [^;]*;\s*SET LOCAL [^;]*;/, '')
    .replace(/COMMIT;\s*$/, '')
  await sql
    .raw(`DO $fleet$ BEGIN
  IF current_setting('server_version_num')::integer < 130000 THEN
    RAISE WARNING 'the workers need PostgreSQL 13 or later, as pg-boss does: its schema is left out';
    RETURN;
  END IF;
  EXECUTE $plan$${plan}$plan$;
END $fleet$`)
    .execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP SCHEMA IF EXISTS pgboss CASCADE`.execute(db)
}

/** The plan is pg-boss's text: the version of its schema stands for it, so that another wording is no edit of this file. */
export const fingerprint = 'pg-boss, schema 46'

export const drops = ['pgboss.job', 'pgboss.schedule']

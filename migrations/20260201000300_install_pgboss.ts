import { type Kysely, sql } from 'kysely'
import { getConstructionPlans } from 'pg-boss'

/** All that is in the schema by now: pg-boss makes tables as queues come. What goes with something before it is gone already. */
const emptySchema = `DO $empty$
DECLARE
  statements text;
BEGIN
  SELECT string_agg(format('DROP %s IF EXISTS pgboss.%s CASCADE', kind, name), '; ') INTO statements
    FROM (SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
                              WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END,
                 quote_ident(relname)
            FROM pg_class WHERE relnamespace = to_regnamespace('pgboss') AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
           UNION ALL
          SELECT 'ROUTINE', format('%I(%s)', proname, pg_get_function_identity_arguments(oid))
            FROM pg_proc WHERE pronamespace = to_regnamespace('pgboss')
           UNION ALL
          SELECT 'TYPE', quote_ident(typname)
            FROM pg_type WHERE typnamespace = to_regnamespace('pgboss') AND typtype IN ('e', 'd', 'r')) AS held (kind, name);
  IF statements IS NOT NULL THEN
    EXECUTE statements;
  END IF;
END $empty$`

/**
 * pg-boss's own schema, `pgboss`, so that the workers need no right to create one. It needs PostgreSQL 13: on 12 there is a warning
 * instead, and no worker runs there. A schema of that name that was there before, empty, stays when its contents go.
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
  IF to_regnamespace('pgboss') IS NULL THEN
    PERFORM fleet.note_adoption('schema', 'pgboss', 'created', 'created', 'DROP SCHEMA IF EXISTS pgboss CASCADE');
  ELSE
    PERFORM fleet.note_adoption('schema', 'pgboss', 'found', 'was there', $undo$${emptySchema}$undo$);
  END IF;
  EXECUTE $plan$${plan}$plan$;
END $fleet$`)
    .execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('schema', 'pgboss')`.execute(db)
}

/** The plan is pg-boss's text: the version of its schema stands for it, so that another wording is no edit of this file. */
export const fingerprint = 'pg-boss, schema 46'

export const drops = ['pgboss.job', 'pgboss.schedule']

import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** A user who goes on seeing every company's rows when row security is on, though the policies are meant for it. */
export interface Unguarded {
  readonly role: string
  /** It, or a role that it is a member of, owns the tables; or a view shows them with its owner's rights. */
  readonly because: 'owner' | 'view'
  /** Those tables, or those views. */
  readonly relations: readonly string[]
}

export interface KeptSight {
  readonly unguarded: readonly Unguarded[]
  /** Of the tables, who are not in fleet_app, and whom row security does not hold unless it is forced. */
  readonly exemptOwners: readonly string[]
}

/**
 * Whom row security would not hold if it were switched on now. Superusers and BYPASSRLS are left out, as nothing holds them; with a
 * view also those whom a policy shows every row anyway.
 */
export async function readKeptSight(db: Kysely<DB>, { force }: { readonly force: boolean }): Promise<KeptSight> {
  const { rows: unguarded } = await sql<Unguarded>`
    WITH RECURSIVE ${unforcedTables(force)}, ${openViews},
    logins AS (SELECT * FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND NOT rolbypassrls)
    SELECT l.rolname AS role, 'owner' AS because, array_agg(t.relname::text ORDER BY t.relname) AS relations
      FROM logins l
      JOIN pg_roles app ON app.rolname = 'fleet_app' AND pg_has_role(l.oid, app.oid, 'MEMBER')
      JOIN unforced t ON pg_has_role(l.oid, t.relowner, 'MEMBER')
     GROUP BY l.rolname
    UNION ALL
    SELECT l.rolname, 'view', array_agg(v.oid::regclass::text ORDER BY v.oid::regclass::text)
      FROM logins l
      JOIN open_views v ON has_any_column_privilege(l.oid, v.oid, 'SELECT, INSERT, UPDATE') AND NOT pg_has_role(l.oid, v.relowner, 'USAGE')
     WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname IN ('fleet_owner', 'fleet_worker', 'fleet_readonly')
                                                AND pg_has_role(l.oid, r.oid, 'USAGE'))
     GROUP BY l.rolname
     ORDER BY 1, 2`.execute(db)
  const { rows: owners } = await sql<{ name: string }>`
    WITH ${unforcedTables(force)}
    SELECT DISTINCT o.rolname AS name
      FROM unforced t
      JOIN pg_roles o ON o.oid = t.relowner AND NOT o.rolsuper AND NOT o.rolbypassrls
     WHERE NOT EXISTS (SELECT FROM pg_roles app WHERE app.rolname = 'fleet_app' AND pg_has_role(o.oid, app.oid, 'MEMBER'))
     ORDER BY 1`.execute(db)
  return { unguarded, exemptOwners: owners.map(({ name }) => name) }
}

const unforcedTables = (force: boolean) => sql`
  unforced AS (
    SELECT relname, relowner FROM pg_class
     WHERE oid IN (SELECT fleet.guarded_tables()) AND NOT relforcerowsecurity AND NOT ${force}::boolean)`

/** Over the tables, or over such views. From 15 on the fleet's two are guarded as soon as row security is switched on. */
const openViews = sql`
  shown AS (
    SELECT t::oid AS oid FROM fleet.guarded_tables() AS t
    UNION
    SELECT w.ev_class FROM shown s
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite w ON w.oid = d.objid),
  open_views AS (
    SELECT c.oid, c.relowner FROM pg_class c JOIN shown USING (oid)
     WHERE c.relkind IN ('v', 'm')
       AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean)
       AND NOT (current_setting('server_version_num')::integer >= 150000
                AND c.oid IN (to_regclass('public.active_projects'), to_regclass('public.expiring_subscriptions'))))`

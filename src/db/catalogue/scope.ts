import { type RawBuilder, sql } from 'kysely'
import type { Grants } from './catalogue.ts'
import { fleetRoles } from './roles.ts'

/** A common table expression: the relations of the schemas that the catalogue holds, without those that extensions own. */
export const relations: RawBuilder<unknown> = sql`
  relations AS (
    SELECT c.*, n.nspname AS schema, format('%I.%I', n.nspname, c.relname) AS label
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('public', 'fleet', 'pgboss')
       AND NOT EXISTS (
             SELECT FROM pg_depend d
              WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))`

/** What an owner that is one of the fleet's roles has, instead of the privileges that `acl` may name: every one, granted or not. */
export const ownership = 'OWNERSHIP'

/** An expression: what `acl` grants, as an object of lists; see `Grants`. */
export function grantsIn(acl: RawBuilder<unknown>, owner: RawBuilder<unknown>): RawBuilder<Grants> {
  return sql<Grants>`(
    SELECT coalesce(jsonb_object_agg(role, privileges), '{}')
      FROM (SELECT coalesce(holder.rolname, 'PUBLIC') AS role,
                   jsonb_agg(DISTINCT a.privilege ORDER BY a.privilege) AS privileges
              FROM (SELECT grantee, privilege_type AS privilege FROM aclexplode(${acl}) WHERE grantee <> ${owner}
                    UNION ALL SELECT ${owner}, ${ownership}::text) a
              LEFT JOIN pg_roles holder ON holder.oid = a.grantee
             WHERE a.grantee = 0 OR holder.rolname = ANY (${[...fleetRoles]})
             GROUP BY 1) AS granted)`
}

import { type QueryExecutorProvider, sql } from 'kysely'
import type { Catalogue, Routine, Schema, Sequence, View } from './catalogue.ts'
import { normaliseBody, normaliseView } from './normal-form.ts'
import { grantsIn, relations } from './scope.ts'

export async function readSchemas(db: QueryExecutorProvider): Promise<Schema[]> {
  const { rows } = await sql<Schema>`
    SELECT n.nspname AS name,
           CASE WHEN n.nspname <> 'public' THEN obj_description(n.oid, 'pg_namespace') END AS comment,
           ${grantsIn(sql`n.nspacl`, sql`n.nspowner`)} AS grants
      FROM pg_namespace n
     WHERE n.nspname IN ('public', 'fleet', 'pgboss')
     ORDER BY 1`.execute(db)
  return rows
}

export async function readExtensions(db: QueryExecutorProvider): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT quote_ident(extname) AS name FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1`.execute(db)
  return rows.map(({ name }) => name)
}

export async function readEnums(db: QueryExecutorProvider): Promise<Catalogue['enums']> {
  const { rows } = await sql<Catalogue['enums'][number]>`
    SELECT format('%I.%I', n.nspname, t.typname) AS name, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid
     WHERE n.nspname IN ('public', 'fleet', 'pgboss')
     GROUP BY 1
     ORDER BY 1`.execute(db)
  return rows
}

export async function readViews(db: QueryExecutorProvider): Promise<View[]> {
  const { rows } = await sql<View>`
    WITH ${relations}
    SELECT r.schema, r.label AS name,
           (SELECT jsonb_agg(jsonb_build_object('name', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod))
                             ORDER BY a.attnum)
              FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
           pg_get_viewdef(r.oid) AS definition,
           coalesce('security_invoker=true' = ANY (r.reloptions) OR 'security_invoker=on' = ANY (r.reloptions), false) AS "securityInvoker",
           obj_description(r.oid, 'pg_class') AS comment,
           ${grantsIn(sql`r.relacl`, sql`r.relowner`)} AS grants
      FROM relations r
     WHERE r.relkind = 'v'
     ORDER BY r.label`.execute(db)
  return rows.map((view) => ({ ...view, definition: normaliseView(view.definition) }))
}

export async function readRoutines(db: QueryExecutorProvider): Promise<Routine[]> {
  const { rows } = await sql<Routine>`
    SELECT n.nspname AS schema, format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) AS name,
           CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind,
           pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, l.lanname AS language,
           array_remove(ARRAY[
             CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' END,
             CASE WHEN p.proisstrict THEN 'STRICT' END,
             CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END,
             CASE p.proparallel WHEN 's' THEN 'PARALLEL SAFE' WHEN 'r' THEN 'PARALLEL RESTRICTED' END], NULL) AS attributes,
           coalesce(p.proconfig, '{}') AS settings, p.prosrc AS body,
           obj_description(p.oid, 'pg_proc') AS comment,
           ${grantsIn(sql`coalesce(p.proacl, acldefault('f', p.proowner))`, sql`p.proowner`)} AS grants
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
      JOIN pg_language l ON l.oid = p.prolang
     WHERE n.nspname IN ('public', 'fleet', 'pgboss') AND p.prokind IN ('f', 'p')
       AND NOT EXISTS (
             SELECT FROM pg_depend d
              WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
     ORDER BY 2`.execute(db)
  return rows.map((routine) => ({ ...routine, body: normaliseBody(routine.body) }))
}

export async function readSequences(db: QueryExecutorProvider): Promise<Sequence[]> {
  const { rows } = await sql<Sequence>`
    WITH ${relations}
    SELECT r.schema, r.label AS name, ${grantsIn(sql`r.relacl`, sql`r.relowner`)} AS grants
      FROM relations r
     WHERE r.relkind = 'S'
       AND NOT EXISTS (
             SELECT FROM pg_depend d
              WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)
     ORDER BY r.label`.execute(db)
  return rows
}

import type pg from 'pg'

/**
 * Everything in the database that a migration can make, one line each: compared as text, sorted. Rights that were given and taken back
 * are written down where before nothing was: both are shown as what they mean.
 */
const objects = `
  WITH namespaces AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'),
  relations AS (
    SELECT c.*, format('%I.%I', n.nspname, c.relname) AS label FROM pg_class c JOIN namespaces n ON n.oid = c.relnamespace)
  SELECT format('schema %s %s', n.nspname, coalesce(s.nspacl, acldefault('n', s.nspowner))) AS line
    FROM namespaces n JOIN pg_namespace s USING (oid)
  UNION ALL
  SELECT format('extension %s %s', extname, obj_description(oid, 'pg_extension')) FROM pg_extension
  UNION ALL
  SELECT format('relation %s %s %s %s %s %s %s %s %s', relkind, label, reloptions, relrowsecurity, relforcerowsecurity, relreplident,
                coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)),
                relowner::regrole, obj_description(oid, 'pg_class'))
    FROM relations
  UNION ALL
  SELECT format('column %s.%s #%s %s %s %s %s %s', r.label, a.attname, row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum),
                format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
                a.attacl, col_description(a.attrelid, a.attnum))
    FROM relations r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  UNION ALL
  SELECT format('constraint %s %s %s %s', r.label, c.conname, pg_get_constraintdef(c.oid), c.convalidated)
    FROM pg_constraint c JOIN relations r ON r.oid = c.conrelid
  UNION ALL
  SELECT format('index %s %s', pg_get_indexdef(i.indexrelid), i.indisvalid)
    FROM pg_index i JOIN relations r ON r.oid = i.indexrelid
  UNION ALL
  SELECT format('trigger %s %s', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT format('policy %s.%s %s %s %s %s %s', r.label, p.polname, p.polpermissive, p.polcmd, p.polroles::regrole[],
                pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
  UNION ALL
  SELECT format('view %s %s', label, pg_get_viewdef(oid)) FROM relations WHERE relkind IN ('v', 'm')
  UNION ALL
  SELECT format('routine %s %s %s', pg_get_functiondef(p.oid), coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner::regrole)
    FROM pg_proc p JOIN namespaces n ON n.oid = p.pronamespace WHERE p.prokind IN ('f', 'p')
  UNION ALL
  SELECT format('type %s.%s %s', n.nspname, t.typname, (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))
    FROM pg_type t JOIN namespaces n ON n.oid = t.typnamespace`

/** Also what has no name in the list above, such as TOAST tables and casts. */
const counts = `
  SELECT (SELECT count(*) FROM pg_class)       AS pg_class,
         (SELECT count(*) FROM pg_proc)        AS pg_proc,
         (SELECT count(*) FROM pg_type)        AS pg_type,
         (SELECT count(*) FROM pg_namespace)   AS pg_namespace,
         (SELECT count(*) FROM pg_constraint)  AS pg_constraint,
         (SELECT count(*) FROM pg_trigger)     AS pg_trigger,
         (SELECT count(*) FROM pg_attrdef)     AS pg_attrdef,
         (SELECT count(*) FROM pg_cast)        AS pg_cast,
         (SELECT count(*) FROM pg_operator)    AS pg_operator,
         (SELECT count(*) FROM pg_policy)      AS pg_policy,
         (SELECT count(*) FROM pg_default_acl) AS pg_default_acl,
         (SELECT count(*) FROM pg_description) AS pg_description`

export interface Catalogue {
  readonly objects: readonly string[]
  readonly counts: Readonly<Record<string, string>>
}

export async function readCatalogue(pool: pg.Pool): Promise<Catalogue> {
  const lines = await pool.query<{ line: string }>(objects)
  const counted = await pool.query<Record<string, string>>(counts)
  return { objects: lines.rows.map(({ line }) => line).sort(), counts: counted.rows[0] ?? {} }
}

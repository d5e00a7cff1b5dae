import type pg from 'pg'

/**
 * What tables, types, views and functions mean, one line each, sorted and each once: without the names and places that PostgreSQL or a
 * person happened to choose, so that databases with different histories can be compared.
 */
const meanings = `
  WITH relations AS (
    SELECT c.* FROM pg_class c
     WHERE c.relnamespace IN ('public'::regnamespace, 'fleet'::regnamespace) AND c.relname NOT IN ('alembic_version'))
  SELECT format('%s %s %s', relkind, oid::regclass, reloptions) AS line FROM relations WHERE relkind NOT IN ('i', 'S')
  UNION
  SELECT format('column %s.%s %s %s %s', r.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                CASE WHEN pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%' OR a.attidentity <> '' THEN 'counts' ELSE pg_get_expr(d.adbin, d.adrelid) END)
    FROM relations r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE r.relkind NOT IN ('i', 'S')
  UNION
  SELECT format('constraint %s %s %s', r.oid::regclass, pg_get_constraintdef(c.oid), c.convalidated)
    FROM pg_constraint c JOIN relations r ON r.oid = c.conrelid WHERE c.contype NOT IN ('n', 'u')
  UNION
  SELECT format('index %s %s', regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX .* ON', 'ON'), i.indisvalid)
    FROM pg_index i JOIN relations r ON r.oid = i.indrelid
  UNION
  SELECT format('trigger %s %s', regexp_replace(pg_get_triggerdef(t.oid), 'TRIGGER [^ ]+', 'TRIGGER'), t.tgenabled)
    FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION
  SELECT format('view %s %s', oid::regclass, regexp_replace(pg_get_viewdef(oid), '^.*\\n( +FROM )', '\\1'))
    FROM relations WHERE relkind IN ('v', 'm')
  UNION
  SELECT format('routine %s %s', p.oid::regprocedure, pg_get_functiondef(p.oid))
    FROM pg_proc p
   WHERE p.pronamespace IN ('public'::regnamespace, 'fleet'::regnamespace) AND p.probin IS NULL
  UNION
  SELECT format('enum %s %s', t.oid::regtype, (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))
    FROM pg_type t WHERE t.typtype = 'e'`

export async function readMeanings(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(meanings)
  return rows.map(({ line }) => line).sort()
}

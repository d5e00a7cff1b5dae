import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import type { Grants } from './catalogue.ts'
import { normaliseConstraint, normaliseDefault, normaliseIndex, normaliseTrigger } from './normal-form.ts'
import { grantsIn, ownership, relations } from './scope.ts'
import type { Column, Constraint, Index, Policy, Table, Trigger } from './table.ts'

type Of<Part> = Part & { readonly table: string }

/** The tables with all that stands on them, by name. Partitions belong to their parents. */
export async function readTables(db: QueryExecutorProvider): Promise<Table[]> {
  const tables = await readHeads(db)
  const columnGrants = Map.groupBy(await readColumnGrants(db), ({ table }) => table)
  const columns = partsOf<Column>(await readColumns(db))
  const constraints = partsOf<Constraint>(await readConstraints(db))
  const indexes = partsOf<Index>(await readIndexes(db))
  const triggers = partsOf<Trigger>(await readTriggers(db))
  const policies = partsOf<Policy>(await readPolicies(db))
  return tables.map((table) => ({
    ...table,
    grants: mergeGrants(table.grants, columnGrants.get(table.name) ?? []),
    columns: columns(table.name),
    constraints: collapse(constraints(table.name)),
    indexes: indexes(table.name),
    triggers: triggers(table.name),
    policies: policies(table.name),
  }))
}

function partsOf<Part>(rows: readonly Of<Part>[]): (table: string) => Part[] {
  const groups = Map.groupBy(rows, ({ table }) => table)
  return (name) => (groups.get(name) ?? []).map(({ table, ...part }) => part as unknown as Part)
}

/** An installation may carry a foreign key twice, under two names: one that has been validated stands for both. */
function collapse(constraints: readonly Constraint[]): Constraint[] {
  const kept = new Map<string, Constraint>()
  for (const constraint of constraints) {
    const known = kept.get(constraint.definition)
    if (known === undefined || (constraint.validated && !known.validated)) kept.set(constraint.definition, constraint)
  }
  return [...kept.values()]
}

interface ColumnGrant {
  readonly table: string
  readonly role: string
  readonly privilege: string
}

function mergeGrants(grants: Grants, more: readonly ColumnGrant[]): Grants {
  const merged: Record<string, string[]> = Object.fromEntries(
    Object.entries(grants).map(([role, all]) => [role, [...all]]),
  )
  for (const { role, privilege } of more) merged[role] = [...(merged[role] ?? []), privilege]
  return Object.fromEntries(Object.entries(merged).sort())
}

type Head = Omit<Table, 'columns' | 'constraints' | 'indexes' | 'triggers' | 'policies'>

async function readHeads(db: QueryExecutorProvider): Promise<Head[]> {
  return rowsOf<Head>(
    db,
    sql`
      SELECT r.schema, r.label AS name, pg_get_partkeydef(r.oid) AS "partitionedBy",
             (SELECT format('%I.%I', n.nspname, c.relname)
                FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE i.inhparent = r.oid AND pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT') AS "defaultPartition",
             (SELECT coalesce(array_agg(o ORDER BY o), '{}') FROM unnest(r.reloptions) o) AS options,
             r.relrowsecurity AS "rowSecurity",
             obj_description(r.oid, 'pg_class') AS comment,
             ${grantsIn(sql`r.relacl`, sql`r.relowner`)} AS grants
        FROM relations r
       WHERE r.relkind IN ('r', 'p') AND NOT r.relispartition
       ORDER BY r.label`,
  )
}

async function readColumnGrants(db: QueryExecutorProvider): Promise<ColumnGrant[]> {
  return rowsOf<ColumnGrant>(
    db,
    sql`
      SELECT r.label AS table, granted.key AS role, format('%s (%I)', privilege, a.attname) AS privilege
        FROM relations r
        JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL,
             jsonb_each(${grantsIn(sql`a.attacl`, sql`r.relowner`)}) granted,
             jsonb_array_elements_text(granted.value) privilege
       WHERE r.relkind IN ('r', 'p') AND privilege <> ${ownership}
       ORDER BY 1, 2, 3`,
  )
}

async function readColumns(db: QueryExecutorProvider): Promise<Of<Column>[]> {
  const columns = await rowsOf<Of<Column> & { expression: string | null; kind: string }>(
    db,
    sql`
      SELECT r.label AS table, quote_ident(a.attname) AS name,
             format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || quote_ident(l.collname) ELSE '' END AS type,
             a.attnotnull AS "notNull",
             pg_get_expr(d.adbin, d.adrelid) AS expression,
             (SELECT jsonb_build_object('name', s.label, 'grants', ${grantsIn(sql`s.relacl`, sql`s.relowner`)})
                FROM pg_depend o JOIN relations s ON s.oid = o.objid AND s.relkind = 'S'
               WHERE o.refobjid = r.oid AND o.refobjsubid = a.attnum AND o.deptype = 'a'
                 AND o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass) AS sequence,
             CASE WHEN a.attidentity <> '' THEN 'identity' WHEN a.attgenerated <> '' THEN 'generated' ELSE 'default' END AS kind,
             col_description(r.oid, a.attnum) AS comment
        FROM relations r
        JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_collation l ON l.oid = a.attcollation
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE r.relkind IN ('r', 'p') AND NOT r.relispartition
       ORDER BY r.label, a.attnum`,
  )
  return columns.map(({ expression, kind, comment, sequence, ...column }) => ({
    ...column,
    default: kind === 'identity' ? 'serial' : kind === 'default' ? normaliseDefault(expression) : null,
    sequence,
    generated: kind === 'generated' ? expression : null,
    comment,
  }))
}

async function readConstraints(db: QueryExecutorProvider): Promise<Of<Constraint>[]> {
  const constraints = await rowsOf<Of<Constraint>>(
    db,
    sql`
      SELECT r.label AS table, quote_ident(c.conname) AS name, pg_get_constraintdef(c.oid) AS definition,
             c.convalidated AS validated
        FROM relations r
        JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype IN ('f', 'c', 'x') AND c.conparentid = 0
       WHERE r.relkind IN ('r', 'p') AND NOT r.relispartition
       ORDER BY r.label, 3, 2`,
  )
  return constraints.map((constraint) => ({
    ...constraint,
    definition: normaliseConstraint(constraint.definition),
  }))
}

async function readIndexes(db: QueryExecutorProvider): Promise<Of<Index>[]> {
  const indexes = await rowsOf<Of<Index>>(
    db,
    sql`
      SELECT r.label AS table, quote_ident(x.relname) AS name, i.indisunique AND i.indimmediate AS unique,
             pg_get_indexdef(i.indexrelid) AS definition,
             CASE c.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END AS constraint,
             i.indisvalid AND i.indisready AS valid
        FROM relations r
        JOIN pg_index i ON i.indrelid = r.oid AND NOT i.indisexclusion
        JOIN pg_class x ON x.oid = i.indexrelid
        LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u')
       WHERE r.relkind IN ('r', 'p') AND NOT r.relispartition
       ORDER BY r.label, 2`,
  )
  return indexes.map((index) => ({ ...index, definition: normaliseIndex(index.definition) }))
}

async function readTriggers(db: QueryExecutorProvider): Promise<Of<Trigger>[]> {
  const triggers = await rowsOf<Of<Trigger>>(
    db,
    sql`
      SELECT r.label AS table, quote_ident(t.tgname) AS name, pg_get_triggerdef(t.oid) AS definition,
             t.tgenabled IN ('O', 'A') AS enabled
        FROM relations r
        JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
       WHERE r.relkind IN ('r', 'p') AND NOT r.relispartition
       ORDER BY r.label, 2`,
  )
  return triggers.map((trigger) => ({ ...trigger, definition: normaliseTrigger(trigger.definition) }))
}

async function readPolicies(db: QueryExecutorProvider): Promise<Of<Policy>[]> {
  return rowsOf<Of<Policy>>(
    db,
    sql`
      SELECT r.label AS table, quote_ident(p.polname) AS name, p.polpermissive AS permissive,
             CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
             ARRAY(SELECT coalesce(quote_ident(o.rolname), 'PUBLIC')
                     FROM unnest(p.polroles) role LEFT JOIN pg_roles o ON o.oid = role ORDER BY 1) AS roles,
             pg_get_expr(p.polqual, p.polrelid) AS using,
             pg_get_expr(p.polwithcheck, p.polrelid) AS check
        FROM relations r
        JOIN pg_policy p ON p.polrelid = r.oid
       ORDER BY r.label, 2`,
  )
}

async function rowsOf<Row>(db: QueryExecutorProvider, query: RawBuilder<unknown>): Promise<Row[]> {
  const { rows } = await sql<Row>`WITH ${relations} ${query}`.execute(db)
  return rows
}

import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { erasedAddress } from '../../email/erased.ts'
import type { AddressMatcher } from './address-matcher.ts'

export interface TextColumn {
  readonly name: string
  /** As SQL writes it: `character varying(255)`. */
  readonly type: string
}

/** A table that holds text, JSON included. Partitions are a part of theirs. */
export interface TextTable {
  /** With its schema, as SQL writes it. */
  readonly name: string
  /** Whose it is to change: `messages` are mails and notifications, `records` what else the fleet writes. */
  readonly part: 'messages' | 'records' | 'platform'
  /** A column of whole numbers to go through it by; null for a table that is small, or that only the platform knows. */
  readonly key: string | null
  /** Those that are no part of its primary key. */
  readonly columns: readonly TextColumn[]
  /** What the user of the database lacks to read it, and to write to it, as GRANT writes them. */
  readonly lacking: { readonly toRead: readonly string[]; readonly toWrite: readonly string[] }
  /** False where row-level security may hide rows of it. */
  readonly showsAll: boolean
}

/** Every table of the database that an address may stand in: one that is made later is among them. */
export async function listTextTables(db: Kysely<DB>): Promise<TextTable[]> {
  const { rows } = await sql<TextTable>`
    SELECT format('%I.%I', n.nspname, c.relname) AS name, ${part} AS part, ${key} AS key, ${columns} AS columns,
           jsonb_build_object('toRead', ${lacking(sql`ARRAY['SELECT']`)}, 'toWrite', ${lacking(sql`ARRAY['SELECT', 'UPDATE']`)}) AS lacking,
           NOT row_security_active(c.oid) OR EXISTS (
             SELECT FROM pg_policy AS p CROSS JOIN unnest(p.polroles) AS member_of
              WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd = '*' AND pg_get_expr(p.polqual, p.polrelid) = 'true'
                AND (member_of = 0 OR pg_has_role(member_of, 'USAGE'))) AS "showsAll"
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema')
     ORDER BY n.nspname, c.relname`.execute(db)
  return rows.filter(({ columns }) => columns.length > 0)
}

const part = sql`
  CASE WHEN (n.nspname, c.relname) IN (('public', 'email_queue'), ('fleet', 'email_archive'), ('public', 'notifications')) THEN 'messages'
       WHEN n.nspname IN ('fleet', 'pgboss') OR (n.nspname, c.relname) = ('public', 'audit_log') THEN 'records'
       ELSE 'platform' END`

const key = sql`
  (SELECT a.attname
     FROM pg_index AS i
     JOIN pg_class AS x ON x.oid = i.indexrelid
     JOIN pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
     JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND a.attnotnull
      AND a.atttypid IN ('integer'::regtype, 'bigint'::regtype)
    ORDER BY i.indisprimary DESC, i.indexrelid
    LIMIT 1)`

const columns = sql`
  (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum), '[]')
     FROM pg_attribute AS a
     JOIN pg_type AS t ON t.oid = a.atttypid
     LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND (coalesce(e.typcategory, t.typcategory) = 'S' OR t.typname IN ('json', 'jsonb'))
      AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY(i.indkey)))`

function lacking(privileges: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`ARRAY(
    SELECT format('%s on %I.%I', p, n.nspname, c.relname) FROM unnest(${privileges}) AS p
     WHERE NOT has_schema_privilege(n.oid, 'USAGE') OR NOT has_table_privilege(c.oid, p))`
}

/** Whether the address stands in one of these columns of row `q`. The rough expression comes first, since the other is dear. */
export function holds(columns: readonly TextColumn[], { rough, exact }: AddressMatcher): RawBuilder<boolean> {
  const anyOf = (expression: string) =>
    sql.join(
      columns.map(({ name }) => sql`${sql.ref(`q.${name}`)}::text ~* ${expression}`),
      sql` OR `,
    )
  return sql`CASE WHEN ${anyOf(rough)} THEN ${anyOf(exact)} ELSE false END`
}

/** Assignments that take the address out of these columns of row `q`. A longer text than a column takes is cut. */
export function maskColumns(columns: readonly TextColumn[], matcher: AddressMatcher): RawBuilder<unknown> {
  return sql.join(
    columns.map(({ name, type }) => sql`${sql.id(name)} = ${masked(sql.ref(`q.${name}`), matcher)}::${sql.raw(type)}`),
  )
}

/** The text of an expression with the address taken out. */
export function masked(text: RawBuilder<unknown>, { exact }: AddressMatcher): RawBuilder<unknown> {
  return sql`regexp_replace(${text}::text, ${exact}, ${erasedAddress}, 'gi')`
}

/** Rows of a table, `after` the one key and up to the other. */
export interface KeyRange {
  readonly after: string | null
  readonly upTo: string | null
}

/** A table in parts of so many rows, in the order of its key; as a whole where it has none. */
export async function* rangesOf(db: Kysely<DB>, { name, key }: TextTable, rows: number): AsyncGenerator<KeyRange> {
  if (key === null) {
    yield { after: null, upTo: null }
    return
  }
  for (let after: string | null = null; ; ) {
    const next: string | null = await endOf(db, { name, key, after, rows })
    if (next === null) return
    yield { after, upTo: next }
    after = next
  }
}

async function endOf(
  db: Kysely<DB>,
  { name, key, after, rows }: { name: string; key: string; after: string | null; rows: number },
): Promise<string | null> {
  const column = sql.ref(key)
  const { rows: found } = await sql<{ end: string | null }>`
    SELECT max(key)::text AS "end"
      FROM (SELECT ${column} AS key
              FROM ${sql.raw(name)}
             WHERE ${after === null ? sql`true` : sql`${column} > ${after}::bigint`}
             ORDER BY ${column}
             LIMIT ${sql.lit(rows)}) AS next`.execute(db)
  return found[0]?.end ?? null
}

/** Whether row `q` is within the range. */
export function isWithin({ key }: TextTable, { after, upTo }: KeyRange): RawBuilder<boolean> {
  if (key === null || upTo === null) return sql<boolean>`true`
  const column = sql.ref(`q.${key}`)
  const isAfter = after === null ? sql`true` : sql`${column} > ${after}::bigint`
  return sql<boolean>`(${isAfter} AND ${column} <= ${upTo}::bigint)`
}

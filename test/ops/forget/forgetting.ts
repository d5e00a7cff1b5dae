import type { Kysely } from 'kysely'
import type { DB } from '../../../src/db/schema.ts'
import { readAddressPattern } from '../../../src/ops/address-pattern.ts'
import { type AddressMatcher, matcherOf } from '../../../src/ops/forget/address-matcher.ts'
import { forget, previewForget } from '../../../src/ops/forget/forget.ts'
import type { ForgetReport } from '../../../src/ops/forget/report.ts'
import type { TestDatabase } from '../../support/database.ts'

export function matcher(address: string): AddressMatcher {
  const pattern = readAddressPattern(address)
  if ('reason' in pattern) throw new Error(pattern.reason)
  return matcherOf(pattern.value)
}

const signal = new AbortController().signal

export function runForget(db: Kysely<DB>, address: string, reason?: string): Promise<ForgetReport> {
  return forget(db, { matcher: matcher(address), actor: 'ann@host', reason }, { signal })
}

export function preview(db: Kysely<DB>, address: string): Promise<ForgetReport> {
  return previewForget(db, { matcher: matcher(address) }, { signal })
}

/** `public.email_queue erased 2` of what was done, or would be. */
export function doneLines({ done }: ForgetReport): string[] {
  return done.map(({ table, what, rows }) => `${table} ${what} ${rows}`).sort()
}

/** `public.email_queue waits 17` of what is left. */
export function leftLines({ left }: ForgetReport): string[] {
  return left.map(({ table, reason, ids }) => `${table} ${reason} ${ids.join(' ')}`).sort()
}

/** Tables of the platform that the fleet never writes to: their addresses are not the fleet's to erase. */
const platform = [
  'users',
  'companies',
  'clients',
  'orders',
  'projects',
  'portraits',
  'ar_content',
  'storage_connections',
]

/** Every row of every table of the database as text, but for those of the platform's own: what an intruder would read. */
export async function dump({ pool }: TestDatabase): Promise<{ table: string; row: string }[]> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND NOT (schemaname = 'public' AND tablename = ANY($1))`,
    [platform],
  )
  const found: { table: string; row: string }[] = []
  for (const { name } of tables) {
    const { rows } = await pool.query<{ row: string }>(`SELECT t::text AS row FROM ONLY ${name} AS t`)
    found.push(...rows.map(({ row }) => ({ table: name, row })))
  }
  return found
}

/** The rows that hold one of these texts still, whatever the case of its letters. */
export async function remains(database: TestDatabase, ...texts: readonly string[]): Promise<string[]> {
  const sought = texts.map((text) => text.toLowerCase())
  const rows = await dump(database)
  return rows
    .filter(({ row }) => sought.some((text) => row.toLowerCase().includes(text)))
    .map(({ table, row }) => `${table}: ${row}`)
}

/** A row in each table that the fleet keeps for itself, with the text in every column that takes any, whatever the table is for. */
export async function writeEverywhere({ pool }: TestDatabase, text: string): Promise<string[]> {
  const { rows: tables } = await pool.query<{
    name: string
    columns: { name: string; type: string; isKey: boolean }[]
  }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name,
           jsonb_agg(jsonb_build_object('name', a.attname, 'type', a.atttypid::regtype, 'isKey', EXISTS (
             SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY(i.indkey)))) AS columns
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.oid <> 'fleet.email_archive'::regclass
       AND (n.nspname = 'fleet' OR c.oid = 'audit_log'::regclass)
     GROUP BY 1`)
  await pool.query(`
    DO $$ DECLARE r record; BEGIN
      FOR r IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
                WHERE (connamespace = 'fleet'::regnamespace OR conrelid = 'audit_log'::regclass) AND contype IN ('c', 'f') AND conparentid = 0 AND coninhcount = 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.conname);
      END LOOP;
    END $$`)
  for (const { name, columns } of tables) {
    const values = columns.map(({ type, isKey }) => literalOf(type, isKey ? 'key' : text))
    await pool.query(
      `INSERT INTO ${name} (${columns.map((column) => column.name).join()}) OVERRIDING SYSTEM VALUE VALUES (${values.join()}) ON CONFLICT DO NOTHING`,
    )
  }
  return tables.map(({ name }) => name)
}

function literalOf(type: string, text: string): string {
  if (type === 'text' || type === 'character varying' || type === 'name') return `'${text}'`
  if (type === 'jsonb') return `'{"${text}": ["${text}"]}'`
  if (type === 'text[]') return `ARRAY['${text}']`
  if (type === 'boolean') return 'false'
  if (type === 'bytea') return `'\\x00'`
  if (type === 'regclass') return `'pg_class'`
  if (type === 'interval') return `'1 day'`
  if (type === 'timestamp with time zone[]') return `'{}'`
  return type.startsWith('timestamp') ? 'now()' : '77'
}

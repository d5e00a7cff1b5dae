import { type Kysely, type QueryExecutorProvider, sql } from 'kysely'
import type { Catalogue } from './catalogue.ts'
import { readEnums, readExtensions, readRoutines, readSchemas, readSequences, readViews } from './object-reader.ts'
import { fleetRoles } from './roles.ts'
import { readTables } from './table-reader.ts'

/**
 * Definitions are printed as these say, whatever the role and the database have set. With an empty path every name comes with its
 * schema.
 */
const printing: Readonly<Record<string, string>> = {
  search_path: '',
  IntervalStyle: 'postgres',
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  quote_all_identifiers: 'off',
}

/**
 * The catalogue as one moment sees it. Only reads, and needs no right but to connect: PostgreSQL shows its catalogues to everyone. A
 * transaction that is given stays as it is, its settings included.
 */
export async function readCatalogue<DB>(db: Kysely<DB>): Promise<Catalogue> {
  if (db.isTransaction) return readInside(db)
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(readInside)
}

async function readInside(db: QueryExecutorProvider): Promise<Catalogue> {
  const { former } = await one<{ former: Record<string, string> }>(
    db,
    sql`SELECT jsonb_object_agg(name, current_setting(name)) AS former FROM unnest(${Object.keys(printing)}::text[]) name`,
  )
  await set(db, printing)
  const { major } = await one<{ major: number }>(
    db,
    sql`SELECT current_setting('server_version_num')::integer / 10000 AS major`,
  )
  const catalogue: Catalogue = {
    major,
    roles: await readRoles(db),
    schemas: await readSchemas(db),
    extensions: await readExtensions(db),
    enums: await readEnums(db),
    tables: await readTables(db),
    views: await readViews(db),
    routines: await readRoutines(db),
    sequences: await readSequences(db),
    pgBossVersion: await readPgBossVersion(db),
    switchedOn: await readSwitchedOn(db),
  }
  await set(db, former)
  return catalogue
}

/** For the length of the transaction. */
async function set(db: QueryExecutorProvider, settings: Readonly<Record<string, string>>): Promise<void> {
  await sql`SELECT set_config(key, value, true) FROM jsonb_each_text(${JSON.stringify(settings)}::jsonb)`.execute(db)
}

async function readRoles(db: QueryExecutorProvider): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT rolname AS name FROM pg_roles WHERE rolname = ANY (${[...fleetRoles]}) ORDER BY 1`.execute(db)
  return rows.map(({ name }) => name)
}

async function readPgBossVersion(db: QueryExecutorProvider): Promise<number | null> {
  if (!(await mayRead(db, 'pgboss', 'version'))) return null
  const { rows } = await sql<{ version: number }>`SELECT version FROM pgboss.version`.execute(db)
  return rows[0]?.version ?? null
}

async function readSwitchedOn(db: QueryExecutorProvider): Promise<string[]> {
  if (!(await mayRead(db, 'fleet', 'row_security'))) return []
  const { rows } = await sql<{ name: string }>`
    SELECT format('public.%I', relation) AS name FROM fleet.row_security WHERE setting = 'enabled' ORDER BY 1`.execute(
    db,
  )
  return rows.map(({ name }) => name)
}

async function mayRead(db: QueryExecutorProvider, schema: string, table: string): Promise<boolean> {
  const { readable } = await one<{ readable: boolean | null }>(
    db,
    sql`SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
          FROM (VALUES (1)) AS always
          LEFT JOIN pg_namespace n ON n.nspname = ${schema}
          LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = ${table}`,
  )
  return readable === true
}

async function one<Row>(db: QueryExecutorProvider, query: ReturnType<typeof sql>): Promise<Row> {
  const { rows } = await query.execute(db)
  return rows[0] as Row
}

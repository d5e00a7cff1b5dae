import { sql } from 'kysely'
import { pino } from 'pino'
import type { Maintenance } from '../../src/maintenance/maintenance.ts'
import type { TestDatabase } from '../support/database.ts'

/** What the lifecycle worker gives its duties. TEST_LOG shows its log. */
export function maintenanceOf({ db }: TestDatabase, signal = new AbortController().signal): Maintenance {
  return { db, signal, log: pino({ level: process.env.TEST_LOG ?? 'silent' }) }
}

/** From now on it is this time, in UTC, for everything the fleet decides in this database. */
export async function setClock({ db }: TestDatabase, time: string): Promise<void> {
  await sql`
    CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT timestamp ${sql.lit(time)} $$`.execute(db)
}

export async function insertAudit({ db }: TestDatabase, ...times: readonly string[]): Promise<void> {
  await sql`
    INSERT INTO audit_log (entity_type, entity_id, action, created_at)
    SELECT 'project', 1, 'update', t::timestamp FROM unnest(${times}::text[]) t`.execute(db)
}

/** More than 8 MB in the default partition, in the past: months are then split off it by a CHECK. */
export async function fillDefault({ db }: TestDatabase): Promise<void> {
  await sql`
    INSERT INTO audit_log (entity_type, entity_id, action, user_agent, created_at)
    SELECT 'fill', 1, 'update', repeat('x', 1000), '2026-01-01' FROM generate_series(1, 9000)`.execute(db)
}

/** Where the rows of audit_log are, apart from those of `fillDefault`. */
export async function placesOf({ pool }: TestDatabase): Promise<string[]> {
  const { rows } = await pool.query<{ place: string }>(`
    SELECT format('%s in %s', created_at, tableoid::regclass) AS place FROM audit_log
     WHERE entity_type <> 'fill' ORDER BY created_at, id`)
  return rows.map(({ place }) => place)
}

/** The partitions of a table, the default one aside, with their bounds. */
export async function partitionsOf({ pool }: TestDatabase, parent: string): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `SELECT format('%s %s', c.relname, pg_get_expr(c.relpartbound, c.oid)) AS line
       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = $1::regclass AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT' ORDER BY 1`,
    [parent],
  )
  return rows.map(({ line }) => line.replace('FOR VALUES ', ''))
}

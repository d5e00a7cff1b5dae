import { type Kysely, sql } from 'kysely'
import type { DB } from './schema.ts'

/** Which database this is: by what PostgreSQL knows of it, and by the name that people give it. */
export interface Installation {
  readonly environment: string | null
  /** Of the cluster, from the day it was initialised: 64 bits, in decimal. */
  readonly systemIdentifier: string
  /** Counts how often the cluster was restored or a standby promoted. */
  readonly timeline: number
  /** Of the database within the cluster. */
  readonly databaseOid: number
}

const columns = sql`
  system_identifier::text AS "systemIdentifier", timeline, database_oid::float8 AS "databaseOid"`

/** What the database is stamped as; undefined where nobody has stamped it. */
export async function readStamp(db: Kysely<DB>): Promise<Installation | undefined> {
  const { rows } = await sql<Installation>`SELECT environment, ${columns} FROM fleet.installation`.execute(db)
  return rows[0]
}

/** What it really is, for somebody of this environment. */
export async function readActual(db: Kysely<DB>, environment: string | undefined): Promise<Installation> {
  const { rows } = await sql<Installation>`
    SELECT ${environment ?? null}::text AS environment, ${columns} FROM fleet.actual_installation()`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('fleet.actual_installation() answers nothing')
  return row
}

/** Stamps the database as what it is, unless it has a stamp already, or `over` it. */
export async function stamp(
  db: Kysely<DB>,
  { environment, by, over = false }: { environment: string | undefined; by: string; over?: boolean },
): Promise<void> {
  const conflict = over
    ? sql`DO UPDATE SET (environment, system_identifier, timeline, database_oid, stamped_at, stamped_by)
        = (EXCLUDED.environment, EXCLUDED.system_identifier, EXCLUDED.timeline, EXCLUDED.database_oid, EXCLUDED.stamped_at, EXCLUDED.stamped_by)`
    : sql`DO NOTHING`
  await sql`
    INSERT INTO fleet.installation (environment, system_identifier, timeline, database_oid, stamped_by)
    SELECT ${environment ?? null}::text, system_identifier, timeline, database_oid, left(${by}, 255) FROM fleet.actual_installation()
        ON CONFLICT (id) ${conflict}`.execute(db)
}

import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'

export interface GuardedTable {
  readonly table: string
  readonly enabled: boolean
  /** Also for the table's owner. */
  readonly forced: boolean
  /** True where the fleet has switched it on; false where it is off, or was on before. */
  readonly switchedOnByFleet: boolean
  /** The fleet's, named after the role that each is for. */
  readonly policies: readonly string[]
  /** Made by somebody else. */
  readonly otherPolicies: readonly string[]
}

/** A role that could do something until row security is switched on, and then finds no row. */
export interface SightLoss {
  readonly role: string
  /** A table or a view. */
  readonly relation: string
  readonly commands: readonly string[]
}

export interface RowSecurity {
  /** Those of the fleet's roles that do not exist. */
  readonly missingRoles: readonly string[]
  readonly tables: readonly GuardedTable[]
}

const lockTimeoutMs = 500
const pauseMs = 100
const tries = 200

export async function readRowSecurity(db: Kysely<DB>): Promise<RowSecurity> {
  const { rows: roles } = await sql<{ name: string }>`
    SELECT name FROM unnest(ARRAY['fleet_owner', 'fleet_worker', 'fleet_app', 'fleet_readonly']) AS name
     WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)`.execute(db)
  const { rows: tables } = await sql<GuardedTable>`
    SELECT c.relname AS "table", c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
           EXISTS (SELECT FROM fleet.row_security r WHERE r.relation = c.relname AND r.setting = 'enabled') AS "switchedOnByFleet",
           ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid AND polname = ANY (${fleetRoles}) ORDER BY 1) AS policies,
           ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid AND polname <> ALL (${fleetRoles}) ORDER BY 1) AS "otherPolicies"
      FROM pg_class c
     WHERE c.oid IN (SELECT fleet.guarded_tables())
     ORDER BY c.relname`.execute(db)
  return { missingRoles: roles.map(({ name }) => name), tables }
}

const fleetRoles = sql`ARRAY['fleet_owner', 'fleet_worker', 'fleet_app', 'fleet_readonly']`

/** Who would lose sight of what if row security were switched on now. `force`: for the tables' owners, too. */
export async function listSightLosses(db: Kysely<DB>, { force }: { readonly force: boolean }): Promise<SightLoss[]> {
  const { rows } = await sql<SightLoss>`SELECT * FROM fleet.roles_losing_sight(${force})`.execute(db)
  return rows
}

/** Makes what is missing of roles, rights and policies, as far as the user may. */
export async function applyRoles(db: Kysely<DB>): Promise<void> {
  await whenTablesAreFree(db, async (trx) => void (await sql`SELECT fleet.apply_roles()`.execute(trx)))
}

/** Switches row security on, on all tables at once, and remembers which it was off on. */
export async function enableRowSecurity(db: Kysely<DB>, { force }: { readonly force: boolean }): Promise<void> {
  await whenTablesAreFree(db, async (trx) => {
    await sql`SELECT fleet.enable_row_security(${force})`.execute(trx)
    await sql`SELECT fleet.guard_views(true)`.execute(trx)
    // The views may be given to fleet_app once they are guarded.
    await sql`SELECT fleet.grant_roles()`.execute(trx)
  })
}

/** Switches off what `enableRowSecurity` has switched on. */
export async function disableRowSecurity(db: Kysely<DB>): Promise<void> {
  await whenTablesAreFree(db, async (trx) => void (await sql`SELECT fleet.disable_row_security()`.execute(trx)))
}

/**
 * The switches need all tables for themselves for a moment. Whoever waits for a lock holds up all who come after, so they take all
 * tables at once or none, and try again. Only for the views, which the migration leaves open for somebody, a try waits, shortly.
 */
async function whenTablesAreFree(db: Kysely<DB>, change: (trx: Transaction<DB>) => Promise<void>): Promise<void> {
  for (let left = tries - 1; ; left -= 1) {
    try {
      return await db.transaction().execute(async (trx) => {
        await sql`SELECT set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`.execute(trx)
        await change(trx)
      })
    } catch (error) {
      if (left === 0 || !isInUse(error)) throw error
      await delay(pauseMs)
    }
  }
}

/** SQLSTATE lock_not_available and deadlock_detected; and two GRANTs at once, which PostgreSQL has no code for. */
function isInUse(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return code === '55P03' || code === '40P01' || message === 'tuple concurrently updated'
}

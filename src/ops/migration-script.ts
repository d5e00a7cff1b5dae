import type { Kysely } from 'kysely'
import { planDown, planTo, planUp } from '../db/migration-plan.ts'
import { type MigrationScript, readMigrationScripts } from '../db/migration-script.ts'
import { renderMigrations } from '../db/migration-sql.ts'
import { pendingMigrations } from '../db/migration-state.ts'
import type { DB } from '../db/schema.ts'

export interface ScriptRequest {
  /** The migration applied last where the script will run; null for an empty database. */
  readonly from: string | null
  /** The one to be applied last afterwards; null for none, undefined for all or, on the way down, for one step. */
  readonly to: string | null | undefined
  readonly direction: 'up' | 'down'
}

export interface RenderedScript {
  readonly names: readonly string[]
  readonly sql: string
}

/**
 * The SQL that takes a database from one migration to another. Needs no connection.
 * @throws {MigrationError} MIGRATION_NAME_UNKNOWN
 * @throws {RangeError} where `to` does not lie in that direction
 */
export async function renderScript({ from, to, direction }: ScriptRequest): Promise<RenderedScript> {
  const scripts = await readMigrationScripts()
  const names = scripts.map(({ name }) => name)
  const count = from === null ? 0 : planTo({ applied: [], pending: names }, from).names.length
  const standing = { applied: names.slice(0, count), pending: names.slice(count) }
  const plan = to !== undefined ? planTo(standing, to) : direction === 'up' ? planUp(standing) : planDown(standing)
  if (plan.names.length > 0 && plan.direction !== direction) {
    throw new RangeError(`${to ?? 'nothing'} lies ${plan.direction} from ${from ?? 'nothing'}`)
  }
  const byName = new Map(scripts.map((script) => [script.name, script]))
  const chosen = plan.names
    .map((name) => byName.get(name))
    .filter((script): script is MigrationScript => script !== undefined)
  return { names: plan.names, sql: chosen.length === 0 ? '' : renderMigrations(chosen, direction) }
}

/** The migration that a database has applied last, or null: what a script for it starts from. */
export async function lastApplied(db: Kysely<DB>): Promise<string | null> {
  const pending = new Set(await pendingMigrations(db))
  const scripts = await readMigrationScripts()
  return (
    scripts
      .map(({ name }) => name)
      .filter((name) => !pending.has(name))
      .at(-1) ?? null
  )
}

import type { Kysely } from 'kysely'
import { MigrationError } from '../db/migration-error.ts'
import { listMigrations } from '../db/migrator.ts'
import { nearNames } from '../db/near-names.ts'
import type { DB } from '../db/schema.ts'

/** What a migration would do: `names` in the order it would do it. */
export interface MigrationPlan {
  readonly direction: 'up' | 'down'
  readonly names: readonly string[]
}

/** What is pending. */
export async function planUp(db: Kysely<DB>): Promise<MigrationPlan> {
  const { pending } = await readState(db)
  return { direction: 'up', names: pending }
}

/** The last one applied, if any is. */
export async function planDown(db: Kysely<DB>): Promise<MigrationPlan> {
  const { applied } = await readState(db)
  return { direction: 'down', names: applied.slice(-1) }
}

/**
 * The way to where `target` is the last one applied.
 * @throws {MigrationError} MIGRATION_NAME_UNKNOWN
 */
export async function planTo(db: Kysely<DB>, target: string): Promise<MigrationPlan> {
  const { applied, pending } = await readState(db)
  if (applied.includes(target)) {
    return { direction: 'down', names: applied.slice(applied.indexOf(target) + 1).reverse() }
  }
  if (pending.includes(target)) return { direction: 'up', names: pending.slice(0, pending.indexOf(target) + 1) }
  throw new MigrationError(`no migration is named ${target}`, {
    code: 'MIGRATION_NAME_UNKNOWN',
    migration: target,
    near: nearNames(target, [...applied, ...pending]),
  })
}

async function readState(db: Kysely<DB>): Promise<{ applied: string[]; pending: string[] }> {
  const migrations = await listMigrations(db)
  const names = (applied: boolean) =>
    migrations.filter(({ appliedAt }) => (appliedAt !== null) === applied).map(({ name }) => name)
  return { applied: names(true), pending: names(false) }
}

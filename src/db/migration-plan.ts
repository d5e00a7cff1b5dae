import { MigrationError } from './migration-error.ts'
import { nearNames } from './near-names.ts'

/** What a migration would do: `names` in the order it would do it. */
export interface MigrationPlan {
  readonly direction: 'up' | 'down'
  readonly names: readonly string[]
}

interface Standing {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
}

/** What is pending. */
export function planUp({ pending }: Standing): MigrationPlan {
  return { direction: 'up', names: pending }
}

/** The last one applied, if any is. */
export function planDown({ applied }: Standing): MigrationPlan {
  return { direction: 'down', names: applied.slice(-1) }
}

/**
 * The way to where `target` is the last one applied; null stands for an empty database.
 * @throws {MigrationError} MIGRATION_NAME_UNKNOWN
 */
export function planTo({ applied, pending }: Standing, target: string | null): MigrationPlan {
  if (target === null) return { direction: 'down', names: applied.toReversed() }
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

import type { Kysely } from 'kysely'
import { type MigrationPlan, planDown, planTo, planUp } from '../db/migration-plan.ts'
import { type MigrationState, readMigrationState } from '../db/migration-state.ts'
import type { DB } from '../db/schema.ts'

export type MigrationGoal = 'up' | 'down' | { readonly to: string | null }

/**
 * What migrating would do now.
 * @throws {MigrationError} MIGRATION_NAME_UNKNOWN, MIGRATION_DATABASE_AHEAD, MIGRATION_EDITED
 */
export async function planMigration(db: Kysely<DB>, goal: MigrationGoal): Promise<MigrationPlan> {
  return choose(await readMigrationState(db), goal)
}

function choose(state: MigrationState, goal: MigrationGoal): MigrationPlan {
  if (goal === 'up') return planUp(state)
  if (goal === 'down') return planDown(state)
  return planTo(state, goal.to)
}

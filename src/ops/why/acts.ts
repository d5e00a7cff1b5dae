import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import type { Evidence } from './explanation.ts'

/** What the audit log knows of a row: somebody's act on it alone, or on many at once. */
export interface Act {
  readonly at: Date
  readonly action: string
  readonly actor: string
}

/**
 * The acts on a row. One on many names no row, but has the very moment in which it changed them, the transaction's: `changedAt` in UTC is
 * when the row's status last changed.
 */
export async function listActs(
  db: Kysely<DB>,
  { entityType, id, changedAt }: { entityType: string; id: number; changedAt: Date | null },
): Promise<Act[]> {
  const { rows } = await sql<Act>`
    SELECT created_at AS at, action, coalesce(actor_email, 'somebody') AS actor
      FROM (SELECT created_at, action, actor_email FROM audit_log WHERE entity_type = ${entityType} AND entity_id = ${id}
             UNION
            SELECT created_at, action, actor_email FROM audit_log
             WHERE entity_type = ${entityType} AND entity_id = 0
               AND created_at >= ${changedAt}::timestamp AND created_at < ${changedAt}::timestamp + interval '1 millisecond') AS acts
     ORDER BY created_at`.execute(db)
  return rows
}

export function actEvidence(acts: readonly Act[]): Evidence[] {
  return acts.map(({ at, action, actor }) => ({ at, text: `${action} by ${actor}` }))
}

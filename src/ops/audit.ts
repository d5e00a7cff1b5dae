import { sql, type Transaction } from 'kysely'
import type { DB, JsonObject } from '../db/schema.ts'

export interface AuditEntry {
  /** Who did it, as people know them: `name@host`. */
  readonly actor: string
  readonly action: string
  readonly entityType: string
  /** 0 where it was not exactly one. */
  readonly entityId: number
  readonly changes: JsonObject
}

const actorLength = 255

/** Writes down who changed what, in the transaction that changes it. */
export async function recordAudit(transaction: Transaction<DB>, entry: AuditEntry): Promise<void> {
  await transaction
    .insertInto('audit_log')
    .values({
      entity_type: entry.entityType,
      entity_id: entry.entityId,
      action: entry.action,
      changes: JSON.stringify(entry.changes),
      actor_email: entry.actor.slice(0, actorLength),
      created_at: sql<Date>`fleet.utc_now()`,
    })
    .execute()
}

import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { RotationFault } from './rotation-fault.ts'
import { isOn, isWithinWindow } from './rotation-store.ts'

export interface FaultySubject {
  readonly entityType: 'video_rotation_schedules' | 'ar_content'
  readonly entityId: number
  /** When it is tried again; null for when it was to be anyhow, or where somebody has to do something. */
  readonly retryAt: Date | null
}

/** Writes down what is wrong; since when stays while it is the same. Answers whether it is news. */
export async function recordFault(
  trx: Transaction<DB>,
  { entityType, entityId, retryAt }: FaultySubject,
  { reason, detail }: RotationFault,
): Promise<boolean> {
  const { rows } = await sql<{ isNew: boolean }>`
    WITH known AS (
      SELECT reason FROM fleet.rotation_faults WHERE entity_type = ${entityType} AND entity_id = ${entityId}
    )
    INSERT INTO fleet.rotation_faults AS f (entity_type, entity_id, reason, detail, since, retry_at)
    VALUES (${entityType}, ${entityId}, ${reason}, ${detail}, fleet.utc_now() AT TIME ZONE 'UTC', ${retryAt}::timestamptz)
        ON CONFLICT (entity_type, entity_id) DO UPDATE
       SET reason = excluded.reason, detail = excluded.detail, retry_at = coalesce(excluded.retry_at, f.retry_at),
           since = CASE WHEN f.reason = excluded.reason THEN f.since ELSE excluded.since END
 RETURNING reason IS DISTINCT FROM (SELECT reason FROM known) AS "isNew"`.execute(trx)
  return rows[0]?.isNew ?? false
}

/** They work again. */
export async function forgetFaults(trx: Transaction<DB>, scheduleIds: readonly number[]): Promise<void> {
  await sql`
    DELETE FROM fleet.rotation_faults
     WHERE entity_type = 'video_rotation_schedules' AND entity_id = ANY(${scheduleIds}::integer[])`.execute(trx)
}

/** Content that by now plays something that may play, or nothing, or is gone, has no fault any more. */
export async function forgetMendedContent(db: Kysely<DB>): Promise<void> {
  await sql`
    DELETE FROM fleet.rotation_faults AS f
     WHERE entity_type = 'ar_content'
       AND NOT EXISTS (SELECT FROM ar_content AS c JOIN videos AS v ON v.id = c.active_video_id
                        WHERE c.id = f.entity_id AND NOT (${isOn} AND ${isWithinWindow}))`.execute(db)
}

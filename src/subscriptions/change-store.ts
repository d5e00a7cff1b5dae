import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import { flagOfStage, suspensionName } from './stage.ts'
import type { Step } from './step.ts'

/** Who did it, in the audit log. */
const actor = 'fleet'

/**
 * Changes the rows of these steps, all of one kind and locked: flags, states, and the AR content of projects that expire. What the fleet
 * would undo is remembered in `fleet.lifecycle_acts`, every change is in the audit log.
 */
export async function changeSubscriptions(
  trx: Transaction<DB>,
  kind: 'projects' | 'portraits',
  steps: readonly Step[],
): Promise<void> {
  const changed = steps.filter(
    (step) =>
      step.decision.flags.length > 0 || step.decision.lifecycleStatus || step.decision.expiresProject || isTold(step),
  )
  if (changed.length === 0) return
  await updateRows(trx, kind, changed)
  const states = changed.flatMap(stateChanges)
  await recordActs(trx, kind, states)
  await recordAudit(trx, kind, [...changed.flatMap(flagChanges), ...states])
  const expired = changed.filter(({ decision }) => decision.expiresProject)
  await closeContent(
    trx,
    expired.map(({ subscription }) => subscription.entityId),
  )
}

async function updateRows(trx: Transaction<DB>, kind: 'projects' | 'portraits', steps: readonly Step[]): Promise<void> {
  const rows = steps.map(({ subscription, decision, notices }) => ({
    id: subscription.entityId,
    ...Object.fromEntries(decision.flags.map((flag) => [flagOfStage[flag], true])),
    lifecycle_status: decision.lifecycleStatus?.to ?? null,
    status: decision.expiresProject ? 'expired' : null,
    is_told: isTold({ notices }),
  }))
  const told = sql`, last_notification_sent_at = CASE WHEN r.is_told THEN fleet.utc_now() ELSE p.last_notification_sent_at END`
  await sql`
    UPDATE ${sql.table(kind)} AS p
       SET notified_7d      = coalesce(r.notified_7d, p.notified_7d),
           notified_24h     = coalesce(r.notified_24h, p.notified_24h),
           notified_expired = coalesce(r.notified_expired, p.notified_expired),
           lifecycle_status = coalesce(r.lifecycle_status, p.lifecycle_status),
           status           = coalesce(r.status, p.status)${kind === 'projects' ? told : sql``}
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS r (id int, notified_7d boolean, notified_24h boolean, notified_expired boolean, lifecycle_status text, status text,
              is_told boolean)
     WHERE p.id = r.id`.execute(trx)
}

/** Whether the customer is: what the administrator is told of suspensions does not count. */
function isTold({ notices }: Pick<Step, 'notices'>): boolean {
  return notices.some(({ stage, outcome }) => outcome === 'sent' && stage !== suspensionName)
}

interface Change {
  readonly id: number
  readonly field: string
  readonly before: string | boolean | null
  readonly after: string | boolean
}

function flagChanges({ subscription, decision }: Step): Change[] {
  return decision.flags.map((flag) => ({
    id: subscription.entityId,
    field: flagOfStage[flag],
    before: false,
    after: true,
  }))
}

function stateChanges({ subscription, decision }: Step): Change[] {
  const { entityId: id, states } = subscription
  const { lifecycleStatus, expiresProject } = decision
  return [
    ...(lifecycleStatus === null
      ? []
      : [{ id, field: 'lifecycle_status', before: states?.lifecycleStatus ?? null, after: lifecycleStatus.to }]),
    ...(expiresProject ? [{ id, field: 'status', before: states?.status ?? null, after: 'expired' }] : []),
  ]
}

/** Of several changes in a row the first value is what would be put back. */
async function recordActs(
  trx: Transaction<DB>,
  kind: 'projects' | 'portraits',
  changes: readonly Change[],
): Promise<void> {
  if (changes.length === 0) return
  await sql`
    INSERT INTO fleet.lifecycle_acts AS a
           (entity_type, entity_id, field, before_value, after_value, subject_type, subject_id, acted_at)
    SELECT ${kind}, id, field, before, after, ${kind}, id, ${utcNow}
      FROM jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) AS r (id int, field text, before text, after text)
        ON CONFLICT (entity_type, entity_id, field) DO UPDATE
       SET before_value = CASE WHEN a.after_value = EXCLUDED.before_value THEN a.before_value ELSE EXCLUDED.before_value END,
           after_value = EXCLUDED.after_value, acted_at = EXCLUDED.acted_at`.execute(trx)
}

const utcNow = sql`fleet.utc_now() AT TIME ZONE 'UTC'`

async function recordAudit(
  trx: Transaction<DB>,
  kind: 'projects' | 'portraits',
  changes: readonly Change[],
): Promise<void> {
  if (changes.length === 0) return
  const entityType = kind === 'projects' ? 'project' : 'portrait'
  await sql`
    INSERT INTO audit_log (entity_type, entity_id, action, field_name, changes, actor_email, created_at)
    SELECT ${entityType}, id, 'update', field, jsonb_build_object('before', before, 'after', after), ${actor}, fleet.utc_now()
      FROM jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) AS r (id int, field text, before jsonb, after jsonb)`.execute(
    trx,
  )
}

/** What is shown of projects that have expired is shown no more. */
async function closeContent(trx: Transaction<DB>, projectIds: readonly number[]): Promise<void> {
  if (projectIds.length === 0) return
  await sql`
    WITH shown AS MATERIALIZED (
      SELECT id, project_id, is_active FROM ar_content
       WHERE project_id = ANY (${projectIds}) AND is_active IS NOT FALSE ORDER BY id FOR NO KEY UPDATE),
    closed AS (UPDATE ar_content AS c SET is_active = false FROM shown WHERE c.id = shown.id),
    acts AS (
      INSERT INTO fleet.lifecycle_acts AS a
             (entity_type, entity_id, field, before_value, after_value, subject_type, subject_id, acted_at)
      SELECT 'ar_content', id, 'is_active', is_active::text, 'false', 'projects', project_id, ${utcNow} FROM shown
          ON CONFLICT (entity_type, entity_id, field) DO UPDATE
         SET before_value = EXCLUDED.before_value, subject_id = EXCLUDED.subject_id, acted_at = EXCLUDED.acted_at)
    INSERT INTO audit_log (entity_type, entity_id, action, field_name, changes, actor_email, created_at)
    SELECT 'ar_content', id, 'update', 'is_active', jsonb_build_object('before', is_active, 'after', false), ${actor}, fleet.utc_now()
      FROM shown`.execute(trx)
}

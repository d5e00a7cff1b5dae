import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { Notice, Step } from './step.ts'

/**
 * Writes the notices of these steps into the ledger, and what is to be told of them into `notifications`. An end that the ledger has
 * decided at that stage already stays as it is, and nobody is told again, unless it was withdrawn before anything went out. They are
 * stamped with now, not with the beginning of the pass: the daily digest reads up to five minutes ago, and a long pass would write behind it.
 */
export async function writeNotices(trx: Transaction<DB>, steps: readonly Step[]): Promise<void> {
  const notices = steps.flatMap(({ subscription, notices }) => notices.map((notice) => ({ subscription, notice })))
  if (notices.length === 0) return
  const entries = notices.map(({ subscription, notice }, place) => ({
    place,
    entity_type: subscription.entityType,
    entity_id: subscription.entityId,
    subscription_end: subscription.end,
    company_id: subscription.company.id,
    stage: notice.stage,
    outcome: notice.outcome,
    reason: notice.reason,
    superseded_by: notice.supersededBy,
    channels: notice.messages.map(({ channel }) => channel),
  }))
  const { rows } = await sql<{ id: string; place: number }>`
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(entries)}::jsonb)
        AS g (place int, entity_type text, entity_id int, subscription_end timestamp, company_id int, stage text, outcome text,
              reason text, superseded_by text, channels text[])),
    written AS (
      INSERT INTO fleet.notices (entity_type, entity_id, stage, subscription_end, company_id, decided_at, outcome, reason,
                                 superseded_by, channels)
      SELECT entity_type, entity_id, stage, subscription_end, company_id, fleet.utc_now() AT TIME ZONE 'UTC', outcome, reason, superseded_by, channels
        FROM given
          ON CONFLICT (entity_type, entity_id, stage, subscription_end) DO UPDATE
         SET company_id = EXCLUDED.company_id, decided_at = EXCLUDED.decided_at, outcome = EXCLUDED.outcome,
             reason = EXCLUDED.reason, superseded_by = EXCLUDED.superseded_by, channels = EXCLUDED.channels
       WHERE notices.outcome = 'withdrawn'
      RETURNING id, entity_type, entity_id, stage, subscription_end)
    SELECT written.id, given.place FROM written JOIN given USING (entity_type, entity_id, stage, subscription_end)`.execute(
    trx,
  )
  const messages = rows.flatMap(({ id, place }) => {
    const one = notices[place]
    return one === undefined ? [] : notificationsOf(id, one)
  })
  await insertNotifications(trx, messages)
}

function notificationsOf(id: string, { subscription, notice }: { subscription: Step['subscription']; notice: Notice }) {
  return notice.messages.map((message) => ({
    company_id: message.companyId,
    project_id: subscription.entityType === 'projects' ? subscription.entityId : null,
    type: message.channel,
    notification_type: message.notificationType,
    priority: message.priority,
    subject: message.subject,
    message: message.message,
    event_data: { ...message.data, notice: `lifecycle:${id}` },
    group_id: message.groupId,
    scheduled_at: message.scheduledAt,
    not_after: message.notAfter,
  }))
}

async function insertNotifications(trx: Transaction<DB>, rows: readonly object[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    INSERT INTO notifications (company_id, project_id, type, notification_type, priority, subject, message, source, service_name,
                               event_data, group_id, scheduled_at, not_after, created_at)
    SELECT company_id, project_id, type, notification_type, priority, left(subject, 500), message, 'fleet', 'lifecycle',
           event_data, group_id, scheduled_at, not_after, fleet.utc_now()
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS r (company_id int, project_id int, type text, notification_type text, priority text, subject text, message text,
              event_data jsonb, group_id text, scheduled_at timestamp, not_after timestamp)`.execute(trx)
}

import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../db/pool.ts'
import { type Claim, LeasedTable, type LeasedTableDefinition, type LeasedTableOptions } from '../queue/leased-table.ts'
import type { ChannelName } from './notice.ts'

/** A claimed row of `notifications`. */
export interface NotificationRow extends Claim {
  readonly company_id: number | null
  /** The language of its company, as it is written there. */
  readonly company_locale: string | null
  readonly notification_type: string | null
  readonly subject: string | null
  readonly message: string | null
  /** Any JSON value: other programs write it. */
  readonly event_data: unknown
  readonly recipient: string | null
  readonly parts: unknown
  readonly group_id: string | null
  /** How many rows it tells of, itself included; null where it has not been looked whether there are more. */
  readonly digest_size: number | null
  /** The database's time of the claim, in milliseconds of the epoch. */
  readonly now: number
  /** Its `not_after` comes before others of its group could. */
  readonly ends_soon: boolean
  /** Of its company; null for none, or none that are complete. */
  readonly quiet: { readonly timezone: string | null; readonly from: string; readonly until: string } | null
}

export interface NotificationTableOptions extends LeasedTableOptions {
  /** How long rows of low and normal priority wait for others of their group; 0 for not at all. */
  readonly groupSeconds: number
}

/** The least urgent priority whose rows do not wait for others of their group. */
export const soonest = 3
/** A message that was tried, and is to be tried again, keeps those that follow it in its chat back for so long at most. */
const holdBackSeconds = 60

/** The part of `notifications` that goes through one channel, as a leased queue. */
export function notificationTable(
  database: Database,
  channel: ChannelName,
  options: NotificationTableOptions,
): LeasedTable<NotificationRow> {
  return new LeasedTable<NotificationRow>(database, definition(channel, options), options)
}

function definition(channel: ChannelName, { groupSeconds }: NotificationTableOptions): LeasedTableDefinition {
  return {
    name: `notifications ${channel}`,
    table: 'notifications',
    queue: channel === 'email' ? 'notifications' : channel,
    isOurs: sql`q.type = ${sql.lit(channel)} AND q.digest_of IS NULL`,
    isReady: sql.join([isOpen(channel), ...inOrder(channel, groupSeconds)], sql` AND `),
    ledger: {
      table: 'fleet.notification_attempts',
      rowId: 'notification_id',
      code: 'code',
      providerCode: 'provider_code',
    },
    handovers: 'fleet.notification_handovers',
    columns: columns(groupSeconds),
    // What only waits for its group, or for the morning, is not being tried: it keeps nothing back in its chat.
    onRecord: sql`
      claimed_at = CASE WHEN r.details ? 'deferred' THEN NULL ELSE q.claimed_at END,
      parts      = CASE WHEN r.details ? 'parts' THEN r.details -> 'parts' ELSE q.parts END,
      recipient  = coalesce(r.details ->> 'recipient', q.recipient)`,
    holdsAmbiguous: sql`coalesce(q.when_ambiguous = 'hold', false)`,
    ...(channel === 'email' ? { alongside: mailed } : {}),
    ...(channel === 'telegram' ? { mayGo: sql`NOT ${isChatBusy}` } : {}),
  }
}

const columns = (groupSeconds: number): RawBuilder<unknown> => sql`
  q.company_id, q.notification_type, q.subject, q.message, q.event_data, q.recipient, q.parts, q.group_id, q.digest_size,
  extract(epoch FROM fleet.utc_now() AT TIME ZONE 'UTC')::float8 * 1000 AS now,
  ${endsSoon(groupSeconds)} AS ends_soon,
  (SELECT c.locale FROM companies AS c WHERE c.id = q.company_id) AS company_locale,
  (SELECT jsonb_build_object('timezone', c.timezone, 'from', c.quiet_from, 'until', c.quiet_until)
     FROM companies AS c WHERE c.id = q.company_id AND c.quiet_from IS NOT NULL AND c.quiet_until IS NOT NULL) AS quiet`

/** It would expire while it waits for others of its group. */
function endsSoon(groupSeconds: number): RawBuilder<boolean> {
  return sql`coalesce(q.not_after <= fleet.utc_now() + ${sql.lit(groupSeconds)} * interval '1 second', false)`
}

/** Nothing is claimed for a channel that pauses: whoever found out has told all processes. */
function isOpen(channel: ChannelName): RawBuilder<boolean> {
  return sql`NOT EXISTS (SELECT FROM fleet.channels WHERE name = ${sql.lit(channel)} AND paused_until > now())`
}

function inOrder(channel: ChannelName, groupSeconds: number): RawBuilder<boolean>[] {
  const isFirstOfGroup = groupSeconds > 0 && channel !== 'system' ? [waitsForNoGroup(groupSeconds)] : []
  return channel === 'telegram' ? [isNextInChat, ...isFirstOfGroup] : isFirstOfGroup
}

/**
 * Another message of the chat is in some worker's hands. Two claims in the same moment do not see each other: the later one does when
 * it is about to hand its message over, and gives it back.
 */
const isChatBusy: RawBuilder<boolean> = sql`
  EXISTS (
    SELECT FROM notifications AS e
     WHERE e.type = 'telegram' AND e.status = 'sending' AND e.digest_of IS NULL AND e.recipient = q.recipient AND e.id <> q.id)`

/**
 * One message at a time for a chat, whoever sends it, and in order: by priority, and as they came. The chat waits for the one that is
 * first when that is due, or was tried a moment ago: it may have failed, or been put off. In what is now the future nothing was tried: the
 * clock has been set back since.
 */
const isNextInChat: RawBuilder<boolean> = sql`
  NOT ${isChatBusy}
  AND NOT EXISTS (
    SELECT FROM notifications AS e
     WHERE e.type = 'telegram' AND e.status = 'pending' AND e.digest_of IS NULL AND e.recipient = q.recipient
       AND (e.prio, e.id) < (q.prio, q.id)
       AND (e.due_at <= fleet.utc_now() AT TIME ZONE 'UTC'
            OR abs(extract(epoch FROM fleet.utc_now() AT TIME ZONE 'UTC' - e.claimed_at)) < ${sql.lit(holdBackSeconds)}))`

/**
 * Of rows that may go out together the first one takes the others along: they are not claimed beside it, nor shortly before. First is the
 * one that comes first in a chat, too: by another order two rows of a chat would each wait for the other.
 */
function waitsForNoGroup(groupSeconds: number): RawBuilder<boolean> {
  return sql`
    (q.group_id IS NULL OR q.prio <= ${sql.lit(soonest)} OR q.digest_size IS NOT NULL OR ${endsSoon(groupSeconds)} OR NOT EXISTS (
      SELECT FROM notifications AS e
       WHERE e.group_id = q.group_id AND e.type = q.type AND (e.prio, e.id) < (q.prio, q.id) AND e.digest_of IS NULL
         AND e.status IN ('pending', 'sending')
         AND e.prio > ${sql.lit(soonest)} AND e.digest_size IS NULL AND e.recipient IS NOT DISTINCT FROM q.recipient
         AND CASE e.status WHEN 'sending' THEN e.leased_until < 'infinity'
             ELSE e.attempts = 0
              AND e.due_at <= fleet.utc_now() AT TIME ZONE 'UTC' + ${sql.lit(groupSeconds)} * interval '1 second' END))`
}

/**
 * The mail of a notification: a new one, or the one that it has already, which starts afresh. That of a digest waits no longer than the
 * first of its notices may; then `fleet.follow_mail()` has it made anew, without that one.
 */
const mailed: RawBuilder<unknown> = sql`
  mailed AS (
    INSERT INTO email_queue (recipient_to, subject, body, template_id, variables, priority, not_after, dedup_key, notification_id)
    SELECT m.recipient_to, m.subject, m.body, m.template_id, coalesce(m.variables, '{}'), m.priority,
           least(q.not_after, (SELECT min(d.not_after) FROM notifications AS d WHERE d.digest_of = q.id AND d.status = 'sending')),
           CASE WHEN NOT EXISTS (SELECT FROM email_queue AS taken WHERE taken.dedup_key = format('n:%s', q.id))
                THEN format('n:%s', q.id) END,
           q.id
      FROM recorded
      JOIN r USING (token)
      JOIN notifications AS q ON q.id = r.id
     CROSS JOIN LATERAL jsonb_to_record(r.details -> 'mail')
             AS m(recipient_to text, subject text, body text, template_id text, variables jsonb, priority int)
     WHERE r.details ? 'mail'
        ON CONFLICT (notification_id) WHERE notification_id IS NOT NULL DO UPDATE
       SET status       = 'pending',
           recipient_to = EXCLUDED.recipient_to,
           subject      = EXCLUDED.subject,
           body         = EXCLUDED.body,
           template_id  = EXCLUDED.template_id,
           variables    = EXCLUDED.variables,
           priority     = EXCLUDED.priority,
           not_after    = EXCLUDED.not_after
     WHERE email_queue.status NOT IN ('pending', 'sending')
  )`

/** Writes down what another system has taken of a notice so far. Without effect once the claim is another's. */
export async function keepParts(database: Database, { id, token }: Claim, parts: unknown): Promise<void> {
  const statement = sql`
    UPDATE notifications SET parts = ${JSON.stringify(parts)}::jsonb
     WHERE id = ${id} AND claim_token = ${token} AND status = 'sending'`.compile(database.db)
  await database.runPrepared('notifications keep parts', statement)
}

import type { Ledger, Message, Notice } from './model/ledger.ts'
import { type End, toTimestamp } from './moments.ts'
import type { TableName } from './rows.ts'

/** The columns of each table that the model knows about. */
const compared: Readonly<Partial<Record<TableName, readonly string[]>>> = {
  projects: [
    'subscription_end',
    'status',
    'lifecycle_status',
    'notified_7d',
    'notified_24h',
    'notified_expired',
    'last_notification_sent_at',
  ],
  portraits: ['subscription_end', 'status', 'lifecycle_status', 'notified_7d', 'notified_24h', 'notified_expired'],
  companies: ['subscription_expires_at', 'is_active'],
  orders: ['subscription_end', 'status'],
  ar_content: ['is_active'],
}

/** What the model says about a row, a notice or a message; undefined where it says that there is none. */
export function expectedFacts(ledger: Ledger, key: string): string | undefined {
  const message = ledger.message(key)
  if (message) return JSON.stringify(factsOfMessage(message))
  const notice = ledger.notices.get(key)
  if (notice) return JSON.stringify(factsOfNotice(notice))
  const [table, id, ...rest] = key.split(' ') as [TableName, string]
  if (rest.length > 0) return undefined
  const row = ledger.world[table]?.get(Number(id))
  const columns = compared[table]
  return row && columns && JSON.stringify(factsOfRow({ ...row }, columns))
}

function factsOfNotice({ outcome, reason, supersededBy, companyId, channels }: Notice): object {
  return { outcome, reason, supersededBy, companyId, channels: outcome === 'sent' ? [...channels].sort() : null }
}

function factsOfMessage(message: Message): object {
  const { recipient, companyId, projectId, notificationType, priority, groupId, status, needsFallback, mail } = message
  const times = { scheduledAt: toTimestamp(message.scheduledAt), notAfter: toTimestamp(message.notAfter) }
  return {
    recipient,
    companyId,
    projectId,
    notificationType,
    priority,
    groupId,
    ...times,
    status,
    needsFallback,
    mail,
  }
}

function factsOfRow(row: Readonly<Record<string, unknown>>, columns: readonly string[]): object {
  return Object.fromEntries(
    columns.map((column) => [
      column,
      isMoment(column) ? toTimestamp(row[column] as End) : isFlag(column) ? row[column] === true : row[column],
    ]),
  )
}

/** Asks for the same of what transactions from `$1` on have written, and for the first transaction that it cannot see yet. */
export const factsSince = `
  SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS through,
         (SELECT json_agg(json_build_object(
                   'id', id, 'key', concat_ws(' ', entity_type, entity_id, stage, subscription_end),
                   'facts', json_build_object(
                     'outcome', outcome, 'reason', reason, 'supersededBy', superseded_by, 'companyId', company_id,
                     'channels', CASE outcome WHEN 'sent' THEN (SELECT json_agg(c ORDER BY c) FROM unnest(channels) AS c) END)))
            FROM fleet.notices WHERE ${isRecent('notices')}) AS notices,
         (SELECT json_agg(json_build_object(
                   'id', n.id, 'notice', n.event_data ->> 'notice', 'type', n.type,
                   'facts', json_build_object(
                     'recipient', n.recipient, 'companyId', n.company_id, 'projectId', n.project_id,
                     'notificationType', n.notification_type, 'priority', n.priority, 'groupId', n.group_id,
                     'scheduledAt', coalesce(n.scheduled_at, n.enqueued_at AT TIME ZONE 'UTC')::text,
                     'notAfter', n.not_after::text, 'status', n.status, 'needsFallback', n.needs_fallback,
                     'mail', (SELECT status FROM email_queue WHERE notification_id = n.id))) ORDER BY n.id)
            FROM notifications AS n
           WHERE ${isRecent('n')}
              OR n.id IN (SELECT notification_id FROM email_queue WHERE ${isRecent('email_queue')})) AS messages,
         (SELECT json_agg(json_build_object('key', key, 'facts', facts))
            FROM (${Object.entries(compared)
              .map(([table, columns]) => factsOfTable(table, columns))
              .join(' UNION ALL ')}) AS r) AS rows`

function factsOfTable(table: string, columns: readonly string[]): string {
  const pairs = columns.map((column) => {
    return `'${column}', ${column}${isMoment(column) ? '::text' : isFlag(column) ? ' IS TRUE' : ''}`
  })
  return `
    SELECT '${table} ' || id AS key, json_build_object(${pairs.join(', ')}) AS facts
      FROM ${table} WHERE ${isRecent(table)}`
}

/** The cluster is new: no transaction number has come round again. */
function isRecent(table: string): string {
  return `${table}.xmin::text::bigint >= $1::bigint`
}

function isMoment(column: string): boolean {
  return /_(end|at)$/.test(column)
}

function isFlag(column: string): boolean {
  return column.startsWith('notified_')
}

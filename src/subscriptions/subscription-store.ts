import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { EntityType, SubscribingCompany, Subscription } from './subscription.ts'

/**
 * For the rest of the transaction: what it waits for beside its own rows, as the content of a project or the company that a notification
 * refers to, somebody may keep for long, and whoever wants one of the rows would wait, too. Shorter than PostgreSQL's `deadlock_timeout`,
 * so that in a deadlock the sweep is the one that gives in. Fails with 55P03.
 */
export async function waitBriefly(trx: Transaction<DB>): Promise<void> {
  await sql`SELECT set_config('lock_timeout', '250ms', true)`.execute(trx)
}

/** Locks of these rows those that nobody else has locked; only them, not their companies. */
export async function lockSubscriptions(
  trx: Transaction<DB>,
  kind: EntityType,
  ids: readonly number[],
): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT id FROM ${sql.table(kind)} WHERE id = ANY (${ids}) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`.execute(trx)
  return rows.map(({ id }) => id)
}

interface Row {
  readonly id: number
  readonly name: string
  readonly endsAt: Date
  readonly end: string
  readonly warnAt: Date
  readonly notified_7d: boolean | null
  readonly notified_24h: boolean | null
  readonly notified_expired: boolean | null
  readonly lifecycleStatus: string | null
  readonly status: string | null
  readonly autoRenew: boolean
  readonly clientEmail: string | null
  readonly decided: string[] | null
  readonly company: SubscribingCompany
}

/** These subscriptions, as far as they and their companies are active and they end at all, in order. */
export async function readSubscriptions(
  db: Kysely<DB>,
  kind: EntityType,
  ids: readonly number[],
): Promise<Subscription[]> {
  const { rows } = await sql<Row>`
    SELECT s.*, s.subscription_end AS "endsAt", s.subscription_end::text AS end,
           json_build_object('id', c.id, 'name', c.name, 'timezone', c.timezone, 'locale', c.locale,
             'email', nullif(btrim(c.contact_email), ''), 'telegram', nullif(btrim(c.telegram_chat_id), ''),
             'phone', nullif(btrim(c.contact_phone), '')) AS company,
           (SELECT array_agg(n.stage::text)
              FROM fleet.notices n
             WHERE n.entity_type = ${kind} AND n.entity_id = s.id AND n.subscription_end = s.subscription_end
               AND (n.outcome <> 'withdrawn' OR ${hasGoneOut})) AS decided
      FROM (${sources[kind](ids)}) AS s
      JOIN companies c ON c.id = s.company_id
     WHERE c.is_active IS NOT FALSE AND isfinite(s.subscription_end)
     ORDER BY s.id`.execute(db)
  return rows.map((row) => subscriptionOf(kind, row))
}

/** Of notice `n`: a worker may have had it in hand when the end was moved. With EXISTS PostgreSQL might read all notifications at once. */
export const hasGoneOut = sql`(
  SELECT m.id FROM notifications m
   WHERE m.event_data ->> 'notice' = 'lifecycle:' || n.id AND m.status IN ('sent', 'sending') LIMIT 1) IS NOT NULL`

const sources: Record<EntityType, (ids: readonly number[]) => RawBuilder<unknown>> = {
  projects: (ids) => sql`
    SELECT id, company_id, name, subscription_end, notified_7d, notified_24h, notified_expired,
           lifecycle_status AS "lifecycleStatus", status, coalesce(auto_renew, 0) <> 0 AS "autoRenew",
           fleet.warn_at(subscription_end, notify_before_expiry_days) AS "warnAt", NULL::text AS "clientEmail"
      FROM projects WHERE id = ANY (${ids}) AND status IN ('active', 'expired')`,
  portraits: (ids) => sql`
    SELECT p.id, p.company_id, regexp_replace(p.file_path, '^.*/', '') AS name, p.subscription_end,
           p.notified_7d, p.notified_24h, p.notified_expired, p.lifecycle_status AS "lifecycleStatus", p.status,
           false AS "autoRenew", fleet.warn_at(p.subscription_end, NULL) AS "warnAt",
           CASE WHEN coalesce(k.is_active, 'active') = 'active' THEN nullif(btrim(k.email), '') END AS "clientEmail"
      FROM portraits p LEFT JOIN clients k ON k.id = p.client_id
     WHERE p.id = ANY (${ids}) AND p.status = 'active'`,
  companies: (ids) => sql`
    SELECT id, id AS company_id, name, subscription_expires_at AS subscription_end,
           NULL::boolean AS notified_7d, NULL::boolean AS notified_24h, NULL::boolean AS notified_expired,
           NULL::text AS "lifecycleStatus", NULL::text AS status, false AS "autoRenew",
           fleet.warn_at(subscription_expires_at, NULL) AS "warnAt", NULL::text AS "clientEmail"
      FROM companies WHERE id = ANY (${ids})`,
}

function subscriptionOf(entityType: EntityType, row: Row): Subscription {
  const { id, name, endsAt, end, warnAt, autoRenew, company, clientEmail, lifecycleStatus, status } = row
  const isCompany = entityType === 'companies'
  const flags = {
    '7d': row.notified_7d === true,
    '24h': row.notified_24h === true,
    expired: row.notified_expired === true,
  }
  return {
    ...{ entityType, entityId: id, entityName: name, endsAt, end, warnAt, autoRenew, company, clientEmail },
    flags: isCompany ? null : flags,
    states: isCompany ? null : { lifecycleStatus, status },
    decided: row.decided ?? [],
  }
}

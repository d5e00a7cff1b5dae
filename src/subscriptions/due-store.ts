import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { isFlagged, type Stage, type Stages } from './stage.ts'
import type { EntityType } from './subscription.ts'

/** What decides which rows are looked at. */
export interface DueWindow {
  readonly now: Date
  readonly stages: Stages
  /** What has no flag is not looked for longer than this. */
  readonly longPastMs: number
}

/** The rows of a kind for which something may be due, in order. Each part of the query finds them by an index of its own. */
export async function listDue(db: Kysely<DB>, kind: EntityType, window: DueWindow): Promise<number[]> {
  const parts = kind === 'companies' ? companies(window) : flagged(kind, window)
  const { rows } = await sql<{ id: number }>`
    SELECT DISTINCT id FROM (${sql.join(parts, sql` UNION ALL `)}) AS due ORDER BY id`.execute(db)
  return rows.map(({ id }) => id)
}

type Condition = RawBuilder<unknown>
type FlaggedKind = Exclude<EntityType, 'companies'>

/** What has flags: the three stages of the specification through its view, and from the table what the view leaves out. */
function flagged(kind: FlaggedKind, window: DueWindow): Condition[] {
  const { view, statuses, beyond, ...stages } = sources[kind]
  const own = [stages.warn(window.now), stages.remind(window.now), stages.expire(window.now)]
  const further = window.stages.chain
    .filter(({ name }) => !isFlagged(name))
    .map((stage) => sql`p.status = ANY (${statuses}) AND ${crossedLately(kind, stage, window)}`)
  const unseen = [
    ...own.map((condition) => sql`${condition} AND (c.is_active IS NULL OR ${beyond})`),
    stages.suspend(endBefore(window.now, window.stages.suspension)),
    ...further,
  ]
  return [
    ...own.map(
      (condition) => sql`SELECT p.id FROM ${view} v JOIN ${sql.table(kind)} p ON p.id = v.entity_id WHERE ${condition}`,
    ),
    ...unseen.map(
      (condition) => sql`
        SELECT p.id FROM ${sql.table(kind)} p JOIN companies c ON c.id = p.company_id
         WHERE c.is_active IS NOT FALSE AND ${condition}`,
    ),
  ]
}

interface Source {
  readonly view: Condition
  /** Of the rows that have a subscription. */
  readonly statuses: readonly string[]
  /** What the view leaves out of them, beside companies that do not say whether they are active. */
  readonly beyond: Condition
  readonly warn: (now: Date) => Condition
  readonly remind: (now: Date) => Condition
  readonly expire: (now: Date) => Condition
  readonly suspend: (end: Date) => Condition
}

const aheadOfView = sql`p.subscription_end > fleet.utc_now() + interval '7 days'`

/** The conditions repeat the predicates of the indexes (`ix_projects_warn` and so on): else PostgreSQL does not use them. */
const sources: Record<FlaggedKind, Source> = {
  projects: {
    view: sql`expiring_subscriptions`,
    statuses: ['active', 'expired'],
    beyond: sql`p.status = 'expired' OR ${aheadOfView}`,
    warn: (now) => sql`
      p.status = 'active' AND p.subscription_end IS NOT NULL
      AND (p.notified_7d IS NOT TRUE OR coalesce(p.lifecycle_status, 'active') = 'active')
      AND fleet.warn_at(p.subscription_end, p.notify_before_expiry_days) <= ${now}::timestamp`,
    remind: (now) => sql`
      p.status = 'active' AND p.subscription_end IS NOT NULL AND p.notified_24h IS NOT TRUE
      AND p.subscription_end <= ${now}::timestamp + interval '24 hours'`,
    expire: (now) => sql`
      p.subscription_end IS NOT NULL
      AND (p.status = 'active'
           OR (p.status = 'expired'
               AND (p.notified_expired IS NOT TRUE OR coalesce(p.lifecycle_status, 'active') IN ('active', 'expiring'))))
      AND p.subscription_end <= ${now}::timestamp`,
    suspend: (end) => sql`
      p.status IN ('active', 'expired') AND p.subscription_end IS NOT NULL AND p.lifecycle_status = 'expired'
      AND p.subscription_end <= ${end}::timestamp`,
  },
  portraits: {
    view: sql`expiring_portraits`,
    statuses: ['active'],
    beyond: aheadOfView,
    warn: (now) => sql`
      p.status = 'active' AND p.subscription_end IS NOT NULL
      AND (p.notified_7d IS NOT TRUE OR coalesce(p.lifecycle_status, 'active') = 'active')
      AND p.subscription_end <= ${now}::timestamp + interval '7 days'`,
    remind: (now) => sql`
      p.status = 'active' AND p.subscription_end IS NOT NULL AND p.notified_24h IS NOT TRUE
      AND p.subscription_end <= ${now}::timestamp + interval '24 hours'`,
    expire: (now) => sql`
      p.status = 'active' AND p.subscription_end IS NOT NULL
      AND (p.notified_expired IS NOT TRUE OR coalesce(p.lifecycle_status, 'active') IN ('active', 'expiring'))
      AND p.subscription_end <= ${now}::timestamp`,
    suspend: (end) => sql`
      p.status = 'active' AND p.subscription_end IS NOT NULL AND p.lifecycle_status = 'expired'
      AND p.subscription_end <= ${end}::timestamp`,
  },
}

/** They have no flags: the ledger alone knows. */
function companies(window: DueWindow): Condition[] {
  return window.stages.chain.map(
    (stage) => sql`
      SELECT p.id FROM companies p WHERE p.is_active IS NOT FALSE AND ${crossedLately('companies', stage, window)}`,
  )
}

/** Its threshold was crossed not longer ago than somebody would be told, and the ledger has nothing about it. */
function crossedLately(kind: EntityType, stage: Stage, { now, longPastMs }: DueWindow): Condition {
  const end = sql.ref(kind === 'companies' ? 'p.subscription_expires_at' : 'p.subscription_end')
  const latest = endBefore(now, stage)
  const earliest = new Date(latest.getTime() - longPastMs)
  return sql`${end} > ${earliest}::timestamp AND ${end} <= ${latest}::timestamp
    AND NOT EXISTS (SELECT FROM fleet.notices n
                     WHERE n.entity_type = ${sql.lit(kind)} AND n.entity_id = p.id AND n.stage = ${stage.name}
                       AND n.subscription_end = ${end} AND n.outcome <> 'withdrawn')`
}

/** The latest end for which the stage is due now. */
function endBefore(now: Date, { beforeMs }: Stage): Date {
  return new Date(now.getTime() + beforeMs)
}

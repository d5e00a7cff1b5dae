import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import { isFlagged, type Stage, type Stages } from './stage.ts'
import type { EntityType } from './subscription.ts'
import { hasGoneOut } from './subscription-store.ts'

/** What decides which rows are looked at. */
export interface DueWindow {
  readonly now: Date
  readonly stages: Stages
  /** What has no flag is not looked for longer than this. */
  readonly longPastMs: number
}

/** The rows of a kind for which something may be due, in order. Each part of the query finds them by an index of its own. */
export async function listDue(trx: Transaction<DB>, kind: EntityType, window: DueWindow): Promise<number[]> {
  const parts = conditions[kind](window).map((due) => sql`SELECT p.id FROM ${sql.table(kind)} p WHERE ${due}`)
  const { rows } = await sql<{ id: number }>`
    SELECT DISTINCT id FROM (${sql.join(parts, sql` UNION ALL `)}) AS due ORDER BY id`.execute(trx)
  return rows.map(({ id }) => id)
}

/**
 * For the rest of the transaction. PostgreSQL reckons with thousands of due rows, since it does not know that most of those that have
 * ended are dealt with: it would scan the tables with parallel workers, and compile the query first.
 */
export async function expectFew(trx: Transaction<DB>): Promise<void> {
  await sql`
    SELECT set_config(name, value, true)
      FROM (VALUES ('enable_seqscan', 'off'), ('max_parallel_workers_per_gather', '0'), ('jit', 'off')) AS settings (name, value)`.execute(
    trx,
  )
}

type Condition = RawBuilder<unknown>

/** The conditions repeat the predicates of the indexes (`ix_projects_warn` and so on): else PostgreSQL does not use them. */
const conditions: Record<EntityType, (window: DueWindow) => Condition[]> = {
  projects: (window) => [
    sql`p.status = 'active' AND p.subscription_end IS NOT NULL
      AND (p.notified_7d IS NOT TRUE OR coalesce(p.lifecycle_status, 'active') = 'active')
      AND fleet.warn_at(p.subscription_end, p.notify_before_expiry_days) <= ${window.now}::timestamp AND ${isToBeSwept}`,
    sql`p.status = 'active' AND p.subscription_end IS NOT NULL AND p.notified_24h IS NOT TRUE
      AND p.subscription_end <= ${window.now}::timestamp + interval '24 hours' AND ${isToBeSwept}`,
    sql`p.subscription_end IS NOT NULL
      AND (p.status = 'active'
           OR (p.status = 'expired'
               AND (p.notified_expired IS NOT TRUE OR coalesce(p.lifecycle_status, 'active') IN ('active', 'expiring'))))
      AND p.subscription_end <= ${window.now}::timestamp AND ${isToBeSwept}`,
    sql`p.status IN ('active', 'expired') AND p.subscription_end IS NOT NULL AND p.lifecycle_status = 'expired'
      AND p.subscription_end <= ${latestEnd(window.stages.suspension, window)}::timestamp AND ${isToBeSwept}`,
    ...unflagged(window.stages).map(
      (stage) =>
        sql`${stage.beforeMs > 0 ? isActive : isActiveOrOver} AND ${crossedLately('projects', stage, window)} AND ${isToBeSwept}`,
    ),
  ],
  portraits: (window) => [
    sql`p.status = 'active' AND p.subscription_end IS NOT NULL
      AND (p.notified_7d IS NOT TRUE OR coalesce(p.lifecycle_status, 'active') = 'active')
      AND p.subscription_end <= ${window.now}::timestamp + interval '7 days' AND ${isToBeSwept}`,
    sql`p.status = 'active' AND p.subscription_end IS NOT NULL AND p.notified_24h IS NOT TRUE
      AND p.subscription_end <= ${window.now}::timestamp + interval '24 hours' AND ${isToBeSwept}`,
    sql`p.status = 'active' AND p.subscription_end IS NOT NULL
      AND (p.notified_expired IS NOT TRUE OR coalesce(p.lifecycle_status, 'active') IN ('active', 'expiring'))
      AND p.subscription_end <= ${window.now}::timestamp AND ${isToBeSwept}`,
    sql`p.status = 'active' AND p.subscription_end IS NOT NULL AND p.lifecycle_status = 'expired'
      AND p.subscription_end <= ${latestEnd(window.stages.suspension, window)}::timestamp AND ${isToBeSwept}`,
    ...unflagged(window.stages).map(
      (stage) => sql`p.status = 'active' AND ${crossedLately('portraits', stage, window)} AND ${isToBeSwept}`,
    ),
  ],
  // They have no flags: the ledger alone knows.
  companies: (window) =>
    window.stages.chain.map((stage) => sql`p.is_active IS NOT FALSE AND ${crossedLately('companies', stage, window)}`),
}

const isActive = sql`p.status = 'active'`
// Somebody may have ended a project before its time: nobody is told any more that its end comes near.
const isActiveOrOver = sql`p.status IN ('active', 'expired')`

/** In parentheses the company is asked for the few rows that are due: joined, all companies would be read. */
const isToBeSwept = sql`isfinite(p.subscription_end) AND (SELECT c.is_active IS NOT FALSE FROM companies c WHERE c.id = p.company_id)`

function unflagged({ chain }: Stages): Stage[] {
  return chain.filter(({ name }) => !isFlagged(name))
}

/** Its threshold was crossed not longer ago than somebody would be told, and the ledger has nothing about it. */
function crossedLately(kind: EntityType, stage: Stage, window: DueWindow): Condition {
  const end = sql.ref(kind === 'companies' ? 'p.subscription_expires_at' : 'p.subscription_end')
  const latest = latestEnd(stage, window)
  const earliest = new Date(latest.getTime() - window.longPastMs)
  return sql`${end} > ${earliest}::timestamp AND ${end} <= ${latest}::timestamp
    AND (SELECT n.id FROM fleet.notices n
          WHERE n.entity_type = ${sql.lit(kind)} AND n.entity_id = p.id AND n.stage = ${stage.name}
            AND n.subscription_end = ${end} AND (n.outcome <> 'withdrawn' OR ${hasGoneOut})) IS NULL`
}

/** The latest end for which the stage is due now. */
function latestEnd({ beforeMs }: Stage, { now }: DueWindow): Date {
  return new Date(now.getTime() + beforeMs)
}

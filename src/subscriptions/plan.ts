import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { databaseNow } from '../ops/clock.ts'
import { addCounts, changeLimit, countSteps, noCounts, totalOf } from './flood-guard.ts'
import { countPassedOrders } from './order-store.ts'
import type { Circumstances } from './policy.ts'
import type { SweepSettings } from './settings.ts'
import { readStages } from './stage-store.ts'
import type { Step } from './step.ts'
import { listBatches, surveyBatch } from './survey.ts'
import type { PlannedStep, SweepPlan } from './sweep-result.ts'

export interface PlanOptions {
  /** As if it were that time. The rows are as they are now. */
  readonly at?: Date
  readonly baseline?: boolean
}

/** What a sweep would do, in a transaction that cannot write: the same decisions over the same rows. */
export function planSweep(
  db: Kysely<DB>,
  settings: SweepSettings,
  { at, baseline = false }: PlanOptions = {},
): Promise<SweepPlan> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      await sql`SET TRANSACTION READ ONLY`.execute(trx)
      const circumstances = await circumstancesOf(trx, settings, { now: at ?? (await databaseNow(trx)), baseline })
      const steps: Step[] = []
      for (const batch of await listBatches(trx, circumstances))
        steps.push(...(await surveyBatch(trx, batch, { circumstances, settings })))
      const recorded = await countPassedOrders(trx, circumstances)
      const counts = addCounts(countSteps(steps), { ...noCounts, recorded })
      return {
        at: circumstances.now,
        steps: steps.map(plannedStep),
        counts,
        changes: totalOf(counts),
        limit: await changeLimit(trx, settings, undefined),
      }
    })
}

const dayMs = 24 * 60 * 60 * 1_000

/** What a pass decides by: the stages as they are when it begins. */
export async function circumstancesOf(
  db: Kysely<DB>,
  { longPastDays }: SweepSettings,
  { now, baseline }: { readonly now: Date; readonly baseline: boolean },
): Promise<Circumstances> {
  return { now, stages: await readStages(db), longPastMs: longPastDays * dayMs, baseline }
}

function plannedStep({ subscription, decision, notices }: Step): PlannedStep {
  const { entityType, entityId, entityName, company, endsAt } = subscription
  return {
    ...{ entityType, entityId, entityName, endsAt },
    companyId: company.id,
    companyName: company.name,
    notices: notices.map(({ messages, ...notice }) => ({
      ...notice,
      messages: messages.map(({ channel, recipient, subject, timezone, groupId, scheduledAt, notAfter }) => ({
        ...{ channel, recipient, subject, timezone, groupId, scheduledAt, notAfter },
      })),
    })),
    lifecycleStatus: decision.lifecycleStatus,
    expiresProject: decision.expiresProject,
  }
}

import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { circumstancesOf } from '../../subscriptions/plan.ts'
import { decide, nextMoment } from '../../subscriptions/policy.ts'
import type { SweepSettings } from '../../subscriptions/settings.ts'
import { stepsOf } from '../../subscriptions/step.ts'
import { readSubscriptions } from '../../subscriptions/subscription-store.ts'
import { databaseNow } from '../clock.ts'
import { listWorkers } from '../live-workers.ts'
import { readSchedules } from '../schedules.ts'
import { type LastSweep, readSweepStatus } from '../sweep-status.ts'

export type SubscriptionKind = 'projects' | 'portraits'

/** What the ledger says of an end at a stage. */
export interface LedgerEntry {
  readonly stage: string
  readonly end: Date
  readonly at: Date
  readonly outcome: string
  readonly reason: string | null
  readonly supersededBy: string | null
  /** `email 17 sent`, for each notification that was made. */
  readonly messages: readonly string[]
}

/** What is to be told at a stage, and to whom. */
export interface ComingNotice {
  readonly stage: string
  readonly at: Date
  readonly outcome: 'sent' | 'superseded' | 'skipped'
  readonly reason: string | null
  readonly to: readonly string[]
}

/** What the explanation of a project or a portrait rests on. */
export interface SubscriptionFacts {
  readonly now: Date
  readonly kind: SubscriptionKind
  readonly id: number
  readonly name: string
  readonly status: string | null
  readonly lifecycleStatus: string | null
  /** Null where it never ends. */
  readonly endsAt: Date | null
  readonly company: { readonly id: number; readonly name: string; readonly isActive: boolean }
  readonly lastSweep: Pick<LastSweep, 'startedAt' | 'outcome'> | null
  /** Whether a lifecycle worker is alive, which sweeps. */
  readonly hasWorker: boolean
  /** When the next one begins; null where none is scheduled. */
  readonly nextSweepAt: Date | null
  readonly ledger: readonly LedgerEntry[]
  /** What a sweep would do about it now. */
  readonly due: readonly ComingNotice[]
  readonly next: ComingNotice | null
}

interface Row extends Pick<SubscriptionFacts, 'name' | 'status' | 'lifecycleStatus' | 'endsAt' | 'company'> {}

/** Undefined where there is none with that id. */
export async function readSubscriptionFacts(
  db: Kysely<DB>,
  settings: SweepSettings,
  { kind, id }: { kind: SubscriptionKind; id: number },
): Promise<SubscriptionFacts | undefined> {
  const row = await readRow(db, kind, id)
  if (row === undefined) return undefined
  const now = await databaseNow(db)
  const { lastSweep } = await readSweepStatus(db)
  const workers = await listWorkers(db)
  const schedule = (await readSchedules(db)).find(({ name }) => name === 'lifecycle.sweep')
  const [subscription] = await readSubscriptions(db, kind, [id])
  const base = {
    now,
    kind,
    id,
    ...row,
    lastSweep: lastSweep && { startedAt: lastSweep.startedAt, outcome: lastSweep.outcome },
    hasWorker: workers.some((worker) => worker.name === 'lifecycle' && worker.isAlive),
    nextSweepAt: schedule?.nextRun ?? null,
    ledger: await readLedger(db, kind, id),
  }
  if (subscription === undefined) return { ...base, due: [], next: null }
  const circumstances = await circumstancesOf(db, settings, { now, baseline: false })
  const noticesAt = (at: Date) =>
    stepsOf([subscription], { ...circumstances, now: at }, settings).flatMap(({ notices }) =>
      notices.map(({ stage, outcome, reason, messages }) => ({
        ...{ stage, at, outcome, reason },
        to: messages.map(({ channel, recipient }) => (recipient === null ? channel : `${channel} ${recipient}`)),
      })),
    )
  const moment = nextMoment(subscription, circumstances)
  const known = new Set(decide(subscription, circumstances).notices.map(({ stage }) => stage.name))
  const next =
    moment === undefined
      ? undefined
      : noticesAt(moment).find(({ stage, outcome }) => !known.has(stage) && outcome !== 'superseded')
  return { ...base, due: noticesAt(now), next: next ?? null }
}

async function readRow(db: Kysely<DB>, kind: SubscriptionKind, id: number): Promise<Row | undefined> {
  const name = kind === 'projects' ? sql`s.name` : sql`regexp_replace(s.file_path, '^.*/', '')`
  const { rows } = await sql<Row>`
    SELECT ${name} AS name, s.status, s.lifecycle_status AS "lifecycleStatus",
           CASE WHEN isfinite(s.subscription_end) THEN s.subscription_end END AS "endsAt",
           jsonb_build_object('id', c.id, 'name', c.name, 'isActive', c.is_active IS NOT FALSE) AS company
      FROM ${sql.table(kind)} AS s JOIN companies AS c ON c.id = s.company_id
     WHERE s.id = ${id}`.execute(db)
  return rows[0]
}

async function readLedger(db: Kysely<DB>, kind: SubscriptionKind, id: number): Promise<LedgerEntry[]> {
  const { rows } = await sql<LedgerEntry>`
    SELECT n.stage, n.subscription_end AS "end", n.decided_at AS at, n.outcome, n.reason, n.superseded_by AS "supersededBy",
           ARRAY(SELECT format('%s %s %s', m.type, m.id, m.status) FROM notifications AS m
                  WHERE m.event_data ->> 'notice' = 'lifecycle:' || n.id ORDER BY m.id) AS messages
      FROM fleet.notices AS n
     WHERE n.entity_type = ${kind} AND n.entity_id = ${id}
     ORDER BY n.decided_at, n.id`.execute(db)
  return rows
}

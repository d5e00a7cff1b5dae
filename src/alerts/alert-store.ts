import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { Alert, AlertChannel, Told } from './alert.ts'

const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`

/** What one worker does at a time: to look, or to tell a channel. */
export type Duty = 'look' | AlertChannel

export interface DutyOrder {
  readonly duty: Duty
  /** Names who does it to others. */
  readonly worker: string
  readonly leaseSeconds: number
  /** The last time, by whomever, is at least so long ago. */
  readonly leastSeconds: number
}

/** By the server's own clock, whatever time it is for the fleet. False where another is at it, or was a moment ago. */
export async function claimDuty(db: Kysely<DB>, order: DutyOrder): Promise<boolean> {
  const { duty, worker, leaseSeconds, leastSeconds } = order
  const { rows } = await sql`
    INSERT INTO fleet.alert_watch AS watch (duty, worker, begun_at, leased_until)
    VALUES (${duty}, left(${worker}, 300), clock_timestamp(), clock_timestamp() + ${leaseSeconds}::int * interval '1 second')
        ON CONFLICT (duty) DO UPDATE
       SET worker = EXCLUDED.worker, begun_at = EXCLUDED.begun_at, leased_until = EXCLUDED.leased_until
     WHERE watch.leased_until <= clock_timestamp()
       AND watch.begun_at <= clock_timestamp() - ${leastSeconds}::int * interval '1 second'
 RETURNING duty`.execute(db)
  return rows.length > 0
}

export async function endDuty(db: Kysely<DB>, { duty, worker }: Pick<DutyOrder, 'duty' | 'worker'>): Promise<void> {
  await sql`
    UPDATE fleet.alert_watch SET leased_until = clock_timestamp()
     WHERE duty = ${duty} AND worker = left(${worker}, 300)`.execute(db)
}

type Row = Omit<Alert, 'told'> & { readonly told: Record<string, Omit<Told, 'at'> & { readonly at: string }> }

/** Those that last, or may come to, and those that have been over for a day at most; the latest first. */
export async function listAlerts(db: Kysely<DB>): Promise<Alert[]> {
  const { rows } = await sql<Row>`
    SELECT id::text AS id, kind, subject, severity, detail, told, noticed_at AS "noticedAt", began_at AS "beganAt",
           clear_since AS "clearSince", over_at AS "overAt"
      FROM fleet.alerts
     WHERE over_at IS NULL OR over_at > ${now} - interval '1 day'
     ORDER BY noticed_at DESC, id DESC`.execute(db)
  return rows.map(({ told, ...alert }) => ({
    ...alert,
    told: Object.fromEntries(Object.entries(told).map(([channel, one]) => [channel, { ...one, at: new Date(one.at) }])),
  }))
}

/** Writes down what a look has come to. */
export async function saveAlerts(
  db: Kysely<DB>,
  { alerts, forgotten }: { readonly alerts: readonly Alert[]; readonly forgotten: readonly Alert[] },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const ids = forgotten.flatMap(({ id }) => id ?? [])
    if (ids.length > 0) await trx.deleteFrom('fleet.alerts').where('id', 'in', ids).execute()
    for (const alert of alerts) await saveAlert(trx, alert)
  })
}

async function saveAlert(trx: Kysely<DB>, { id, ...alert }: Alert): Promise<void> {
  const state = {
    severity: alert.severity,
    detail: JSON.stringify(alert.detail),
    began_at: alert.beganAt,
    clear_since: alert.clearSince,
    over_at: alert.overAt,
  }
  if (id !== undefined) {
    await trx.updateTable('fleet.alerts').set(state).where('id', '=', id).execute()
    return
  }
  const { kind, noticedAt, told } = alert
  const row = { kind, subject: alert.subject, noticed_at: noticedAt, told: JSON.stringify(told), ...state }
  await trx
    .insertInto('fleet.alerts')
    .values(row)
    .onConflict((conflict) => conflict.columns(['kind', 'subject']).where('over_at', 'is', null).doUpdateSet(state))
    .execute()
}

/** Writes down that the channel has taken a message. */
export async function markTold(db: Kysely<DB>, id: string, channel: AlertChannel, told: Told): Promise<void> {
  await sql`
    UPDATE fleet.alerts SET told = told || ${JSON.stringify({ [channel]: told })}::jsonb WHERE id = ${id}`.execute(db)
}

/** Incidents that have been over for 90 days. */
export async function forgetOldAlerts(db: Kysely<DB>): Promise<void> {
  await sql`DELETE FROM fleet.alerts WHERE over_at < ${now} - interval '90 days'`.execute(db)
}

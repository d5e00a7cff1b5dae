import { type Kysely, sql } from 'kysely'
import type { Database } from '../db/pool.ts'
import type { DB } from '../db/schema.ts'
import { queueNames } from '../ops/backlog.ts'
import type { Sample } from './facts.ts'

const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`

/** Of the last day, in no order. */
export async function listSamples(db: Kysely<DB>): Promise<Sample[]> {
  const { rows } = await sql<Sample>`
    SELECT subject, taken_at AS "takenAt", value
      FROM fleet.alert_samples
     WHERE taken_at > ${now} - interval '25 hours'`.execute(db)
  return rows
}

/** How far a host is used; one that is known for this minute stands. Of hosts only the last is kept. Gives up on a silent connection. */
export async function recordHost(
  database: Database,
  host: string,
  usage: Readonly<Record<'disk' | 'memory' | 'load', number>>,
): Promise<void> {
  const values = Object.entries(usage).map(([what, value]) => ({
    subject: `host ${host.slice(0, 150)} ${what}`,
    value,
  }))
  const query = sql`
    INSERT INTO fleet.alert_samples (subject, taken_at, value)
    SELECT v.subject, date_trunc('minute', ${now}), v.value
      FROM jsonb_to_recordset(${JSON.stringify(values)}::jsonb) AS v (subject text, value float8)
        ON CONFLICT (subject, taken_at) DO NOTHING`
  await database.runPrepared('fleet_alert_host', query.compile(database.db))
}

/** Writes down, every five minutes, how much is due and how large the database is, and forgets what is old. */
export async function recordGrowth(
  db: Kysely<DB>,
  queues: readonly { readonly queue: string; readonly due: number }[],
): Promise<void> {
  const dueOf = (name: string) => queues.find(({ queue }) => queue === name)?.due ?? 0
  const dues = queueNames.map((queue) => ({ subject: `due ${queue}`, value: dueOf(queue) }))
  await sql`
    INSERT INTO fleet.alert_samples (subject, taken_at, value)
    SELECT v.subject, date_trunc('minute', ${now}), v.value
      FROM (SELECT subject, value FROM jsonb_to_recordset(${JSON.stringify(dues)}::jsonb) AS d (subject text, value float8)
             UNION ALL
            SELECT 'database bytes', pg_database_size(current_database())) AS v
     WHERE NOT EXISTS (SELECT FROM fleet.alert_samples AS s
                        WHERE s.subject = v.subject AND s.taken_at > ${now} - interval '5 minutes')
        ON CONFLICT (subject, taken_at) DO NOTHING`.execute(db)
  await sql`
    DELETE FROM fleet.alert_samples
     WHERE taken_at < ${now} - interval '25 hours'
        OR (subject LIKE 'host %' AND taken_at < ${now} - interval '10 minutes')`.execute(db)
}

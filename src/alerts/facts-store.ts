import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { Facts, QueueFacts, SweepFacts, WorkerFacts } from './facts.ts'
import { listSamples } from './sample-store.ts'

const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`

/** Reads what waits, and else but small tables: the length of the history does not matter. */
export async function readFacts(db: Kysely<DB>): Promise<Facts> {
  const { rows: clock } = await sql<{ now: Date }>`SELECT ${now} AS now`.execute(db)
  const [row] = clock
  if (row === undefined) throw new Error('fleet.utc_now() answers nothing')
  return {
    now: row.now,
    queues: await readQueues(db),
    outcomes: await readOutcomes(db),
    workers: await readWorkers(db),
    closedChannels: await readClosedChannels(db),
    sweep: await readSweep(db),
    samples: await listSamples(db),
  }
}

/** Of a digest its first row counts. For each priority the index knows what is due, whatever is scheduled beside it. */
async function readQueues(db: Kysely<DB>): Promise<QueueFacts[]> {
  const { rows } = await sql<QueueFacts>`
    SELECT waiting.queue, sum(waiting.due)::int AS due, sum(waiting.late)::int AS late, min(waiting.oldest) AS "oldestDueAt"
      FROM (SELECT 'email' AS queue, w.*
              FROM generate_series(1, 10) AS p (priority)
             CROSS JOIN LATERAL (
                   SELECT count(*) AS due, count(*) FILTER (WHERE due_at <= ${now} - interval '5 minutes') AS late, min(due_at) AS oldest
                     FROM email_queue WHERE status = 'pending' AND prio = p.priority AND due_at <= ${now}) AS w
             UNION ALL
            SELECT CASE c.name WHEN 'email' THEN 'notifications' ELSE c.name END, w.*
              FROM fleet.channels AS c
             CROSS JOIN generate_series(1, 10) AS p (priority)
             CROSS JOIN LATERAL (
                   SELECT count(*) AS due, count(*) FILTER (WHERE due_at <= ${now} - interval '5 minutes') AS late, min(due_at) AS oldest
                     FROM notifications
                    WHERE status = 'pending' AND digest_of IS NULL AND type = c.name AND prio = p.priority AND due_at <= ${now}) AS w
           ) AS waiting
     WHERE NOT EXISTS (SELECT FROM fleet.pauses AS p
                        WHERE (p.queue = waiting.queue OR (p.queue = 'notifications' AND waiting.queue <> 'email'))
                          AND (p.until IS NULL OR p.until > ${now}))
     GROUP BY waiting.queue
    HAVING sum(waiting.due) > 0`.execute(db)
  return rows
}

/** What an outage or a limit has put off says nothing about a message. */
async function readOutcomes(db: Kysely<DB>): Promise<Facts['outcomes']> {
  const { rows } = await sql<Facts['outcomes'][number]>`
    SELECT queue, coalesce(sum(count) FILTER (WHERE outcome = 'sent'), 0)::float8 AS sent,
           coalesce(sum(count) FILTER (WHERE outcome IN ('soft_failure', 'hard_failure', 'ambiguous')), 0)::float8 AS failed
      FROM fleet.outcome_counts
     WHERE minute > ${now} - interval '15 minutes'
     GROUP BY queue`.execute(db)
  return rows
}

async function readWorkers(db: Kysely<DB>): Promise<WorkerFacts[]> {
  const { rows } = await sql<Omit<WorkerFacts, 'outage'> & { since: Date | null; reason: string | null }>`
    SELECT owner, name, blocked, outage_since AS since, outage_reason AS reason
      FROM fleet.workers
     WHERE heartbeat_at > now() - interval '20 seconds'
     ORDER BY owner`.execute(db)
  return rows.map(({ since, reason, ...worker }) => ({
    ...worker,
    outage: since === null ? null : { since, reason: reason ?? '' },
  }))
}

/** Pauses of a channel come again each minute at most, as long as anything waits for it. */
async function readClosedChannels(db: Kysely<DB>): Promise<Facts['closedChannels']> {
  const { rows } = await sql<Facts['closedChannels'][number]>`
    SELECT name AS channel, reason
      FROM fleet.channels
     WHERE strikes > 0 AND paused_until > ${now} - interval '2 minutes'
     ORDER BY name`.execute(db)
  return rows
}

async function readSweep(db: Kysely<DB>): Promise<SweepFacts | null> {
  const { rows: tables } = await sql<{ exists: boolean }>`
    SELECT to_regclass('pgboss.schedule') IS NOT NULL AS exists`.execute(db)
  if (tables[0]?.exists !== true) return null
  const { rows } = await sql<SweepFacts>`
    SELECT greatest(s.created_on, (SELECT started_at FROM fleet.sweeps WHERE kind = 'sweep' AND outcome = 'done' ORDER BY id DESC LIMIT 1))
             AS "doneAt",
           (SELECT outcome FROM fleet.sweeps WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1) AS "lastOutcome"
      FROM pgboss.schedule AS s
     WHERE s.name = 'lifecycle.sweep'`.execute(db)
  return rows[0] ?? null
}

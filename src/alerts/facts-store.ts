import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { queueNames, readBacklog, waitingIn } from '../ops/backlog.ts'
import { databaseNow } from '../ops/clock.ts'
import { listLiveWorkers } from '../ops/live-workers.ts'
import { readOutcomeRates } from '../ops/outcome-rates.ts'
import { listPauses, pauseOf } from '../ops/pauses.ts'
import type { Facts, QueueFacts, SweepFacts } from './facts.ts'
import { listSamples } from './sample-store.ts'

const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`

/** Reads what waits, and else but small tables: the length of the history does not matter. */
export async function readFacts(db: Kysely<DB>): Promise<Facts> {
  return {
    now: await databaseNow(db),
    queues: await readQueues(db),
    outcomes: await readOutcomes(db),
    workers: await listLiveWorkers(db),
    closedChannels: await readClosedChannels(db),
    sweep: await readSweep(db),
    samples: await listSamples(db),
  }
}

async function readQueues(db: Kysely<DB>): Promise<QueueFacts[]> {
  const backlog = await readBacklog(db)
  const pauses = await listPauses(db)
  return queueNames.flatMap((queue) => {
    const { due, oldestDueAt } = waitingIn(backlog, queue)
    if (oldestDueAt === null) return []
    const late = backlog.filter((row) => row.queue === queue).reduce((sum, row) => sum + row.late, 0)
    return [{ queue, due, late, oldestDueAt, isPaused: pauseOf(queue, pauses) !== undefined }]
  })
}

const outcomeMinutes = 15

async function readOutcomes(db: Kysely<DB>): Promise<Facts['outcomes']> {
  return Object.entries(await readOutcomeRates(db)).flatMap(([queue, { windows }]) =>
    windows.filter(({ minutes }) => minutes === outcomeMinutes).map(({ sent, failed }) => ({ queue, sent, failed })),
  )
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

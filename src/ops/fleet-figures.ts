import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { type Backlog, type InHand, type QueueName, readAmbiguous, readBacklog, readInHand } from './backlog.ts'
import { databaseNow } from './clock.ts'
import { type LiveWorker, listLiveWorkers } from './live-workers.ts'
import { listPauses, type Pause } from './pauses.ts'
import { readSweepLateness } from './sweep-lateness.ts'

/** The whole fleet in figures, as its database has them. */
export interface FleetFigures {
  /** The database's clock. */
  readonly now: Date
  readonly backlog: readonly Backlog[]
  readonly inHand: readonly InHand[]
  readonly ambiguous: readonly { readonly queue: QueueName; readonly count: number }[]
  readonly pauses: readonly Pause[]
  /** Channels whose service takes nothing from us. */
  readonly closedChannels: readonly string[]
  readonly workers: readonly LiveWorker[]
  readonly sweepLateSeconds: number | null
  readonly databaseBytes: number
}

/** What any process can tell of all of them. The length of the history does not matter. */
export async function readFleetFigures(db: Kysely<DB>): Promise<FleetFigures> {
  return {
    now: await databaseNow(db),
    backlog: await readBacklog(db),
    inHand: await readInHand(db),
    ambiguous: await readAmbiguous(db),
    pauses: await listPauses(db),
    closedChannels: await listClosedChannels(db),
    workers: await listLiveWorkers(db),
    sweepLateSeconds: await readSweepLateness(db),
    databaseBytes: await readDatabaseBytes(db),
  }
}

async function listClosedChannels(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT name FROM fleet.channels WHERE paused_until > fleet.utc_now() AT TIME ZONE 'UTC' ORDER BY name`.execute(db)
  return rows.map(({ name }) => name)
}

async function readDatabaseBytes(db: Kysely<DB>): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    SELECT pg_database_size(current_database())::float8 AS bytes`.execute(db)
  return rows[0]?.bytes ?? 0
}

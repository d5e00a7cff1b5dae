import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** What an operator can stop, and let go on. `notifications` covers all its channels. */
export const pausableQueues = ['email', 'notifications', 'telegram', 'sms'] as const

export type PausableQueue = (typeof pausableQueues)[number]

/** A queue that stands still because somebody has said so. */
export interface Pause {
  readonly queue: PausableQueue
  readonly since: Date
  /** When it goes on by itself; null where it waits for somebody. */
  readonly until: Date | null
  readonly reason: string
  readonly pausedBy: string
}

/** Those in force. */
export async function listPauses(db: Kysely<DB>): Promise<Pause[]> {
  const { rows } = await sql<Pause>`
    SELECT queue, since, until, reason, paused_by AS "pausedBy"
      FROM fleet.pauses
     WHERE until IS NULL OR until > now()
     ORDER BY queue`.execute(db)
  return rows
}

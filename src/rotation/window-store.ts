import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import { isWithinWindow, type Place } from './rotation-store.ts'

export interface CrossedWindow {
  /** Whether the window holds now, so that the video may play. */
  readonly isOpen: boolean
  readonly wasActive: boolean | null
}

/** Videos of whose windows a bound has come, after a place, the earliest first. Nothing is locked. */
export async function listCrossed(db: Kysely<DB>, after: Place, limit: number): Promise<Place[]> {
  const { rows } = await sql<Place>`
    SELECT b.at::text AS at, b.video_id AS id
      FROM fleet.video_bounds AS b
     WHERE b.at <= fleet.utc_now() AND (b.at, b.video_id) > (${after.at}::timestamp, ${after.id}::integer)
     ORDER BY b.at, b.video_id
     LIMIT ${limit}`.execute(db)
  return rows
}

/** Locks a video before its bounds, as the trigger of whoever writes it does. Answers whether it could. */
export async function lockVideo(trx: Transaction<DB>, id: number): Promise<boolean> {
  const { rows } = await sql`SELECT FROM videos WHERE id = ${id} FOR NO KEY UPDATE SKIP LOCKED`.execute(trx)
  return rows.length > 0
}

/**
 * Takes the bounds that have come off a video's list: each acts once. Nothing where none has, or the video says something else by now,
 * as it may where a bound was noted while the fleet came.
 */
export async function takeCrossed(trx: Transaction<DB>, videoId: number): Promise<CrossedWindow | undefined> {
  const { rows } = await sql<CrossedWindow>`
    WITH crossed AS (
      DELETE FROM fleet.video_bounds WHERE video_id = ${videoId} AND at <= fleet.utc_now() RETURNING bound, at
    )
    SELECT ${isWithinWindow} AS "isOpen", v.is_active AS "wasActive"
      FROM videos AS v
     WHERE v.id = ${videoId}
       AND EXISTS (SELECT FROM crossed WHERE at = CASE bound WHEN 'start' THEN v.schedule_start ELSE v.schedule_end END)`.execute(
    trx,
  )
  return rows[0]
}

/** Bounds of a video that has been deleted. */
export async function dropBoundsOfDeleted(db: Kysely<DB>, videoId: number): Promise<void> {
  await sql`
    DELETE FROM fleet.video_bounds
     WHERE video_id = ${videoId} AND NOT EXISTS (SELECT FROM videos WHERE id = ${videoId})`.execute(db)
}

export async function setActive(trx: Transaction<DB>, videoId: number, isActive: boolean): Promise<void> {
  await sql`UPDATE videos SET is_active = ${isActive} WHERE id = ${videoId}`.execute(trx)
}

/** Content that plays a video. */
export async function listPlaying(trx: Transaction<DB>, videoId: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT id FROM ar_content WHERE active_video_id = ${videoId} ORDER BY id`.execute(trx)
  return rows.map(({ id }) => id)
}

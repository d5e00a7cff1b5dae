import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { RotationTimes } from './next-rotation.ts'
import type { VideoState } from './next-video.ts'

/** A schedule in force that the transaction has locked. */
export interface LockedSchedule extends RotationTimes {
  readonly id: number
  readonly contentId: number
  readonly sequence: readonly (number | null)[]
  readonly currentIndex: number | null
  readonly isDue: boolean
  /** The fleet's clock. */
  readonly now: Date
}

/** AR content that the transaction has locked. */
export interface LockedContent {
  readonly companyId: number
  readonly activeVideoId: number | null
  /** `video_rotation_type` says so. */
  readonly isRandom: boolean
  /** Not where it, its project or its company is inactive or expired: nobody sees it. */
  readonly isShown: boolean
}

export interface Step {
  readonly scheduleId: number
  readonly contentId: number
  readonly index: number
  readonly videoId: number
  readonly at: Date
  /** Null for the moment that it has already. */
  readonly nextAt: Date | null
  /** A fault that is still there, or new, stays or follows. */
  readonly hasFault: boolean
}

const inForce = sql`s.is_active IS DISTINCT FROM 0`
const isDue = sql<boolean>`(${inForce} AND s.next_rotation_at <= fleet.utc_now())`
const times = sql`
  s.rotation_type AS "rotationType", s.time_of_day::text AS "timeOfDay", s.day_of_week AS "dayOfWeek", s.day_of_month AS "dayOfMonth",
  s.cron_expression AS "cronExpression"`
const schedule = sql`
  s.id, s.ar_content_id AS "contentId", ${times}, ARRAY(SELECT unnest(s.video_sequence)) AS sequence,
  s.current_index AS "currentIndex", ${isDue} IS TRUE AS "isDue", fleet.utc_now() AS now`
const content = sql`
  c.company_id AS "companyId", c.active_video_id AS "activeVideoId",
  lower(btrim(c.video_rotation_type)) IS NOT DISTINCT FROM 'random' AS "isRandom",
  c.is_active IS NOT FALSE AND (c.expires_at > fleet.utc_now()) IS NOT FALSE
    AND EXISTS (SELECT FROM projects AS p WHERE p.id = c.project_id AND p.status IS DISTINCT FROM 'expired')
    AND EXISTS (SELECT FROM companies AS o WHERE o.id = c.company_id AND o.is_active IS NOT FALSE) AS "isShown"`

/** Where a list has come to. */
export interface Place {
  /** PostgreSQL's text of a `timestamp`. */
  readonly at: string
  readonly id: number
}

/** Due schedules after a place, the longest due first. Nothing is locked. */
export async function listDue(db: Kysely<DB>, after: Place, limit: number): Promise<Place[]> {
  const { rows } = await sql<Place>`
    SELECT s.next_rotation_at::text AS at, s.id
      FROM video_rotation_schedules AS s
     WHERE ${isDue} AND (s.next_rotation_at, s.id) > (${after.at}::timestamp, ${after.id}::integer)
     ORDER BY s.next_rotation_at, s.id
     LIMIT ${limit}`.execute(db)
  return rows
}

/**
 * Locks a schedule while it is due, with its content; nothing where it no longer is, or somebody else has either locked. What only refers
 * to the content, as a visit does, is not locked out.
 */
export async function lockDue(
  trx: Transaction<DB>,
  id: number,
): Promise<{ readonly schedule: LockedSchedule; readonly content: LockedContent } | undefined> {
  // IS TRUE keeps the planner off the index of what is due, which it takes for as good as empty: it would read all of it for each row.
  const { rows } = await sql<LockedSchedule & LockedContent>`
    SELECT ${schedule}, ${content}
      FROM video_rotation_schedules AS s JOIN ar_content AS c ON c.id = s.ar_content_id
     WHERE s.id = ${id} AND ${isDue} IS TRUE
       FOR NO KEY UPDATE OF s, c SKIP LOCKED`.execute(trx)
  const [row] = rows
  return row && { schedule: row, content: row }
}

/** The schedules of a content that are in force. Fails (55P03) where somebody else has one locked. */
export async function lockSchedulesOf(trx: Transaction<DB>, contentId: number): Promise<LockedSchedule[]> {
  const { rows } = await sql<LockedSchedule>`
    SELECT ${schedule} FROM video_rotation_schedules AS s WHERE ar_content_id = ${contentId} AND ${inForce} ORDER BY id
       FOR NO KEY UPDATE NOWAIT`.execute(trx)
  return rows
}

/** Fails (55P03) where somebody else has it locked; nothing where it is gone. */
export async function lockContent(trx: Transaction<DB>, id: number): Promise<LockedContent | undefined> {
  const { rows } = await sql<LockedContent>`
    SELECT ${content} FROM ar_content AS c WHERE c.id = ${id} FOR NO KEY UPDATE OF c NOWAIT`.execute(trx)
  return rows[0]
}

/** Whether a video may play now, as its own row says. */
export const isOn = sql<boolean>`(v.is_active IS NOT FALSE AND coalesce(v.status, 'active') = 'active')`
export const isWithinWindow = sql<boolean>`(
  (v.schedule_start <= fleet.utc_now()) IS NOT FALSE AND (v.schedule_end > fleet.utc_now()) IS NOT FALSE)`

/** What may be said of those videos that are there. */
export async function readVideos(
  trx: Transaction<DB>,
  sequence: readonly (number | null)[],
  companyId: number,
): Promise<Map<number, VideoState>> {
  const { rows } = await sql<{ id: number; state: VideoState }>`
    SELECT v.id,
           CASE WHEN p.company_id <> ${companyId} THEN 'foreign'
                WHEN NOT ${isWithinWindow} THEN 'outside_window'
                WHEN NOT ${isOn} THEN 'inactive'
                ELSE 'playable' END AS state
      FROM videos AS v JOIN portraits AS p ON p.id = v.portrait_id
     WHERE v.id = ANY(${sequence}::integer[])`.execute(trx)
  return new Map(rows.map(({ id, state }) => [id, state]))
}

/**
 * Moves what plays and its place together, and takes back what was wrong with the schedule before. The video is kept as it is until the
 * transaction ends, so that its window does not close meanwhile without anybody knowing where it plays. Where it may not play any more,
 * or somebody is changing it, nothing is done; answers whether it was.
 */
export async function takeStep(trx: Transaction<DB>, step: Step): Promise<boolean> {
  const { scheduleId, contentId, index, videoId, at, nextAt } = step
  const { rows } = await sql`
    WITH held AS MATERIALIZED (
      SELECT v.id FROM videos AS v WHERE v.id = ${videoId} AND ${isOn} AND ${isWithinWindow} FOR SHARE SKIP LOCKED
    ), moved AS (
      UPDATE video_rotation_schedules
         SET current_index = ${index}, last_rotation_at = ${at}::timestamp,
             next_rotation_at = coalesce(${nextAt}::timestamp, next_rotation_at)
       WHERE id = ${scheduleId} AND EXISTS (SELECT FROM held)
    ), played AS (
      UPDATE ar_content AS c
         SET active_video_id = held.id
        FROM held
       WHERE c.id = ${contentId} AND c.active_video_id IS DISTINCT FROM held.id
    ), mended AS (
      DELETE FROM fleet.rotation_faults
       WHERE entity_type = 'video_rotation_schedules' AND entity_id = ${scheduleId} AND EXISTS (SELECT FROM held)
         AND ${!step.hasFault}::boolean
    )
    SELECT FROM held`.execute(trx)
  return rows.length > 0
}

/** Null where no moment is known: it is looked at again as new ones are. */
export async function setNext(trx: Transaction<DB>, scheduleId: number, nextAt: Date | null): Promise<void> {
  await sql`UPDATE video_rotation_schedules SET next_rotation_at = ${nextAt}::timestamp WHERE id = ${scheduleId}`.execute(
    trx,
  )
}

/** Locks schedules in force that have no next moment yet, apart from those whose fault is to be tried again later. */
export async function lockUnscheduled(
  trx: Transaction<DB>,
  limit: number,
): Promise<(RotationTimes & { readonly id: number; readonly now: Date })[]> {
  const { rows } = await sql<RotationTimes & { readonly id: number; readonly now: Date }>`
    SELECT s.id, ${times}, fleet.utc_now() AS now
      FROM video_rotation_schedules AS s
     WHERE s.next_rotation_at IS NULL AND ${inForce}
       AND NOT EXISTS (SELECT FROM fleet.rotation_faults AS f
                        WHERE f.entity_type = 'video_rotation_schedules' AND f.entity_id = s.id
                          AND f.retry_at > fleet.utc_now() AT TIME ZONE 'UTC')
     ORDER BY s.next_rotation_at, s.id
     LIMIT ${limit}
       FOR NO KEY UPDATE OF s SKIP LOCKED`.execute(trx)
  return rows
}

export async function setFirst(trx: Transaction<DB>, first: readonly { id: number; at: Date }[]): Promise<void> {
  await sql`
    UPDATE video_rotation_schedules AS s
       SET next_rotation_at = n.at
      FROM unnest(${first.map(({ id }) => id)}::integer[], ${first.map(({ at }) => at.toISOString())}::timestamptz[]) AS given (id, moment)
     CROSS JOIN LATERAL (SELECT given.moment AT TIME ZONE 'UTC') AS n (at)
     WHERE s.id = given.id`.execute(trx)
}

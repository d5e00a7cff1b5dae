import type { Transaction } from 'kysely'
import { isAboutRow } from '../db/row-refusal.ts'
import type { DB } from '../db/schema.ts'
import { recordAudit } from '../ops/audit.ts'
import { inTurn } from './in-turn.ts'
import { nextRotation } from './next-rotation.ts'
import { fault } from './rotation-fault.ts'
import { noteFault, playNext, type Rotation } from './rotation-step.ts'
import { lockContent, lockSchedulesOf } from './rotation-store.ts'
import { dropBoundsOfDeleted, listCrossed, listPlaying, lockVideo, setActive, takeCrossed } from './window-store.ts'

export interface WindowCounts {
  readonly opened: number
  readonly closed: number
  /** Content that plays another video since the window of the one it played has closed. */
  readonly replaced: number
}

const actor = 'fleet'

/** What a transaction did; thrown away with it where somebody else has a row of it locked. */
type Crossing = { readonly opened: 0 | 1; readonly closed: 0 | 1; readonly replaced: number }

const nothing: Crossing = { opened: 0, closed: 0, replaced: 0 }

/**
 * Sets `is_active` of the videos whose windows have opened or closed since, as the window says now, and nothing else: a bound acts once,
 * and what somebody sets by hand afterwards stands. Where content plays a video whose window has closed, its schedule goes on.
 */
export async function crossWindows(rotation: Rotation): Promise<WindowCounts> {
  const counts = { opened: 0, closed: 0, replaced: 0 }
  await inTurn(
    rotation.signal,
    (after, limit) => listCrossed(rotation.db, after, limit),
    async (videoId) => {
      const { opened, closed, replaced } = await cross(videoId, rotation)
      counts.opened += opened
      counts.closed += closed
      counts.replaced += replaced
    },
  )
  return counts
}

async function cross(videoId: number, rotation: Rotation): Promise<Crossing> {
  const { db, log } = rotation
  try {
    return await db.transaction().execute((trx) => crossLocked(trx, videoId, rotation))
  } catch (err) {
    if (isLocked(err)) return nothing
    if (!isAboutRow(err)) throw err
    log.error({ err, videoId }, 'window not opened or closed: the database refuses it')
    return nothing
  }
}

async function crossLocked(trx: Transaction<DB>, videoId: number, rotation: Rotation): Promise<Crossing> {
  if (!(await lockVideo(trx, videoId))) {
    await dropBoundsOfDeleted(trx, videoId)
    return nothing
  }
  const window = await takeCrossed(trx, videoId)
  if (window === undefined) return nothing
  const { isOpen, wasActive } = window
  if (isOpen !== wasActive) {
    await setActive(trx, videoId, isOpen)
    await recordAudit(trx, {
      actor,
      action: isOpen ? 'open' : 'close',
      entityType: 'video',
      entityId: videoId,
      changes: { is_active: { before: wasActive, after: isOpen } },
    })
  }
  if (isOpen) return { ...nothing, opened: 1 }
  let replaced = 0
  for (const contentId of await listPlaying(trx, videoId)) if (await replace(trx, contentId, rotation)) replaced += 1
  return { ...nothing, closed: 1, replaced }
}

/** Goes on to the next video, by the first schedule in force that has one. Where it is due as well, that was its rotation. */
async function replace(trx: Transaction<DB>, contentId: number, rotation: Rotation): Promise<boolean> {
  const content = await lockContent(trx, contentId)
  if (!content) return false
  const before = content.activeVideoId
  const schedules = await lockSchedulesOf(trx, contentId)
  for (const schedule of schedules) {
    const next = schedule.isDue ? nextRotation(schedule, schedule.now) : null
    const step = await playNext(trx, { schedule, content, nextAt: next?.kind === 'at' ? next.at : null }, rotation)
    if (step.kind === 'busy') throw new LockedError(`the next video of schedule ${schedule.id} is locked`)
    if (step.kind === 'fault') continue
    await recordAudit(trx, {
      actor,
      action: 'update',
      entityType: 'ar_content',
      entityId: contentId,
      changes: { active_video_id: { before, after: step.videoId } },
    })
    return true
  }
  const why =
    schedules.length > 0 ? 'its schedule has no other that may play' : 'it has no schedule that would replace it'
  const closed = fault('window_closed', `video ${before} goes on playing after its window: ${why}`)
  await noteFault(trx, { entityType: 'ar_content', entityId: contentId, retryAt: null, fault: closed }, rotation.log)
  return false
}

/** For the next pass, with all that this transaction has done. */
class LockedError extends Error {}

/** 55P03: lock_not_available, which is what NOWAIT says. */
function isLocked(err: unknown): boolean {
  return err instanceof LockedError || (err instanceof Error && 'code' in err && err.code === '55P03')
}

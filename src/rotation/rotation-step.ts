import type { Kysely, Transaction } from 'kysely'
import type { Logger } from 'pino'
import type { DB } from '../db/schema.ts'
import { type FaultySubject, recordFault } from './fault-store.ts'
import { nextVideo } from './next-video.ts'
import type { RotationFault } from './rotation-fault.ts'
import { type LockedContent, type LockedSchedule, readVideos, takeStep } from './rotation-store.ts'

/** What a pass over rotations and windows is given. */
export interface Rotation {
  readonly db: Kysely<DB>
  /** Aborts when the worker is told to stop: the pass then ends after the transaction in hand. */
  readonly signal: AbortSignal
  readonly log: Logger
  /** From 0 up to, not including, 1. */
  readonly random?: () => number
}

export interface LockedRotation {
  readonly schedule: LockedSchedule
  readonly content: LockedContent
  /** Null for the next moment that it has already. */
  readonly nextAt: Date | null
}

export type StepResult =
  | { readonly kind: 'played'; readonly videoId: number }
  | RotationFault
  /** Somebody is changing the video: nothing is done yet. */
  | { readonly kind: 'busy' }

/** Goes on to the next video of a schedule. Where none may play nothing is written; what it only had to pass over is recorded. */
export async function playNext(trx: Transaction<DB>, locked: LockedRotation, rotation: Rotation): Promise<StepResult> {
  const { schedule, content, nextAt } = locked
  const next = nextVideo({
    sequence: schedule.sequence,
    currentIndex: schedule.currentIndex,
    activeVideoId: content.activeVideoId,
    order: content.isRandom || schedule.rotationType.trim().toLowerCase() === 'random' ? 'random' : 'sequence',
    videos: await readVideos(trx, schedule.sequence, content.companyId),
    random: (rotation.random ?? Math.random)(),
  })
  if (next.kind === 'fault') return next
  const { index, videoId } = next
  const step = { scheduleId: schedule.id, contentId: schedule.contentId, index, videoId, at: schedule.now, nextAt }
  if (!(await takeStep(trx, { ...step, hasFault: next.fault !== null }))) return { kind: 'busy' }
  if (next.fault !== null)
    await noteFault(trx, { fault: next.fault, entityId: schedule.id, retryAt: nextAt }, rotation.log)
  return { kind: 'played', videoId }
}

/** Writes down what is wrong, of a schedule unless said otherwise; logs it when it is news. */
export async function noteFault(
  trx: Transaction<DB>,
  subject: Omit<FaultySubject, 'entityType'> & Partial<FaultySubject> & { readonly fault: RotationFault },
  log: Logger,
): Promise<void> {
  const { entityType = 'video_rotation_schedules', entityId, retryAt, fault } = subject
  const isNew = await recordFault(trx, { entityType, entityId, retryAt }, fault)
  const { reason, detail } = fault
  if (isNew) log.warn({ entityType, entityId, reason, detail }, 'video rotation is faulty')
}

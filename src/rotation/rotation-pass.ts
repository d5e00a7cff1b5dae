import type { Transaction } from 'kysely'
import { isAboutRow } from '../db/row-refusal.ts'
import type { DB } from '../db/schema.ts'
import { forgetFaults, forgetMendedContent } from './fault-store.ts'
import { inTurn } from './in-turn.ts'
import { type NextRotation, nextRotation } from './next-rotation.ts'
import { fault, type RotationFault } from './rotation-fault.ts'
import { noteFault, playNext, type Rotation } from './rotation-step.ts'
import { type LockedSchedule, listDue, lockDue, lockUnscheduled, setFirst, setNext } from './rotation-store.ts'
import { crossWindows, type WindowCounts } from './video-windows.ts'

export interface RotationCounts extends WindowCounts {
  /** Schedules that went on to their next video. */
  readonly rotated: number
  /** Those whose content nobody sees: only their next moment was moved. */
  readonly passedOver: number
  /** Those with wrong data: see `fleet.rotation_faults`. */
  readonly faulty: number
  /** Those that had no next moment and were given one. */
  readonly scheduled: number
  /** Schedules that somebody else has in hand. */
  readonly left: number
}

type Outcome = 'rotated' | 'passedOver' | 'faulty' | 'left'

/** Wrong times are looked at again so often, and at once when somebody changes them. */
const retryMs = 3_600_000
const scheduledAtOnce = 500

/**
 * Opens and closes the windows of videos, and goes on to the next video wherever a schedule is due: one step each, however long nobody
 * came, in one transaction each. Any number may run at once and be killed anywhere: what another has locked is passed over.
 */
export async function rotateDue(rotation: Rotation): Promise<RotationCounts> {
  const { db, signal, log } = rotation
  const windows = await crossWindows(rotation)
  const { scheduled, faulty } = await scheduleFirst(rotation)
  const counts = { rotated: 0, passedOver: 0, faulty, left: 0 }
  await inTurn(
    signal,
    (after, limit) => listDue(db, after, limit),
    async (id) => {
      counts[await rotate(id, rotation)] += 1
    },
  )
  await forgetMendedContent(db)
  const all = { ...windows, scheduled, ...counts }
  if (Object.values(all).some((count) => count > 0)) log.info(all, 'videos rotated')
  return all
}

/** Gives schedules without a next moment their first one. Answers how many, and how many have none. */
async function scheduleFirst(rotation: Rotation): Promise<{ scheduled: number; faulty: number }> {
  const total = { scheduled: 0, faulty: 0 }
  for (;;) {
    rotation.signal.throwIfAborted()
    const { scheduled, faulty } = await rotation.db.transaction().execute((trx) => scheduleSome(trx, rotation))
    total.scheduled += scheduled
    total.faulty += faulty
    if (scheduled + faulty < scheduledAtOnce) return total
  }
}

async function scheduleSome(trx: Transaction<DB>, { log }: Rotation): Promise<{ scheduled: number; faulty: number }> {
  const schedules = await lockUnscheduled(trx, scheduledAtOnce)
  const first: { id: number; at: Date }[] = []
  for (const schedule of schedules) {
    const next = nextRotation(schedule, schedule.now)
    if (next.kind === 'at') first.push({ id: schedule.id, at: next.at })
    else await noteFault(trx, { fault: next, entityId: schedule.id, retryAt: later(schedule) }, log)
  }
  if (first.length > 0) {
    await setFirst(trx, first)
    await forgetFaults(
      trx,
      first.map(({ id }) => id),
    )
  }
  return { scheduled: first.length, faulty: schedules.length - first.length }
}

async function rotate(id: number, rotation: Rotation): Promise<Outcome> {
  const { db, log } = rotation
  try {
    return await db.transaction().execute((trx) => rotateLocked(trx, id, rotation))
  } catch (err) {
    if (!isAboutRow(err)) throw err
    log.error({ err, scheduleId: id }, 'not rotated: the database refuses it')
    return await postpone(id, fault('refused', err instanceof Error ? err.message : String(err)), rotation)
  }
}

async function rotateLocked(trx: Transaction<DB>, id: number, rotation: Rotation): Promise<Outcome> {
  const locked = await lockDue(trx, id)
  if (!locked) return 'left'
  const { schedule, content } = locked
  const next = nextRotation(schedule, schedule.now)
  if (next.kind === 'fault') return await giveUp(trx, { schedule, next, fault: next }, rotation)
  if (!content.isShown) {
    await setNext(trx, id, next.at)
    return 'passedOver'
  }
  const step = await playNext(trx, { schedule, content, nextAt: next.at }, rotation)
  if (step.kind === 'fault') return await giveUp(trx, { schedule, next, fault: step }, rotation)
  return step.kind === 'played' ? 'rotated' : 'left'
}

/** Not now; at the schedule's next moment, where it has one. */
async function giveUp(
  trx: Transaction<DB>,
  given: { readonly schedule: LockedSchedule; readonly next: NextRotation; readonly fault: RotationFault },
  { log }: Rotation,
): Promise<Outcome> {
  const { schedule, next } = given
  const nextAt = next.kind === 'at' ? next.at : null
  await setNext(trx, schedule.id, nextAt)
  await noteFault(trx, { fault: given.fault, entityId: schedule.id, retryAt: nextAt ?? later(schedule) }, log)
  return 'faulty'
}

async function postpone(id: number, refusal: RotationFault, rotation: Rotation): Promise<Outcome> {
  try {
    return await rotation.db.transaction().execute(async (trx) => {
      const locked = await lockDue(trx, id)
      if (!locked) return 'left'
      const { schedule } = locked
      return await giveUp(trx, { schedule, next: nextRotation(schedule, schedule.now), fault: refusal }, rotation)
    })
  } catch (err) {
    // It takes no change at all, not even of its next moment: the log says so each minute, and the others are not held up.
    if (!isAboutRow(err)) throw err
    return 'faulty'
  }
}

function later({ now }: { readonly now: Date }): Date {
  return new Date(now.getTime() + retryMs)
}

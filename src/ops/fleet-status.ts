import type { Kysely } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { ChannelName } from '../notifications/notice.ts'
import type { QueueName } from './backlog.ts'
import { databaseNow } from './clock.ts'
import { type ErrorClasses, readErrorClasses } from './error-classes.ts'
import { type LiveWorker, listWorkers } from './live-workers.ts'
import { type ChannelPause, readChannelPauses } from './notifications/channel-pauses.ts'
import { type OutcomeRates, ratesOf, readOutcomeRates } from './outcome-rates.ts'
import { listPauses, type Pause } from './pauses.ts'
import { type QueueStatus, readQueueStatuses } from './queue-status.ts'
import type { Replay } from './replays/replay.ts'
import { listRunning } from './replays/replay-store.ts'
import { isOverdue, readSchedules, type Schedule } from './schedules.ts'
import { readSweepStatus, type SweepStatus } from './sweep-status.ts'

/** What is known of a queue beside what is in it. */
export interface QueueHistory {
  readonly rates: OutcomeRates
  readonly errorClasses: ErrorClasses
}

/** The fleet at a glance. */
export interface FleetStatus {
  readonly now: Date
  readonly email: QueueStatus & QueueHistory & { readonly oldestDueSeconds: number | null }
  readonly notifications: Readonly<Record<ChannelName, QueueStatus & QueueHistory & ChannelPause>>
  readonly pauses: readonly Pause[]
  /** That go on, each with how many of its mails still wait for their turn. */
  readonly replays: readonly (Replay & { readonly left: number })[]
  readonly subscriptions: SweepStatus
  readonly schedules: readonly (Schedule & { readonly isOverdue: boolean })[]
  /** With those that have died in the last day. */
  readonly workers: readonly LiveWorker[]
}

/** Reads what waits and what workers have counted; the length of the history does not matter. */
export async function readFleetStatus(db: Kysely<DB>): Promise<FleetStatus> {
  const [now, queues, channels] = await Promise.all([databaseNow(db), readQueueStatuses(db), readChannelPauses(db)])
  const [rates, errorClasses] = await Promise.all([readOutcomeRates(db), readErrorClasses(db)])
  const [pauses, replays, subscriptions] = await Promise.all([listPauses(db), listRunning(db), readSweepStatus(db)])
  const [schedules, workers] = await Promise.all([readSchedules(db), listWorkers(db)])
  const of = (queue: QueueName): QueueStatus & QueueHistory => ({
    ...queues[queue],
    rates: rates[queue] ?? ratesOf([], 0),
    errorClasses: errorClasses[queue] ?? { failed: [], held: [] },
  })
  return {
    now,
    email: { ...of('email'), oldestDueSeconds: secondsSince(queues.email.oldestDueAt, now) },
    notifications: {
      email: { ...of('notifications'), ...channels.email },
      telegram: { ...of('telegram'), ...channels.telegram },
      sms: { ...of('sms'), ...channels.sms },
      system: { ...of('system'), ...channels.system },
    },
    pauses,
    replays,
    subscriptions,
    schedules: schedules.map((schedule) => ({ ...schedule, isOverdue: isOverdue(schedule, now) })),
    workers,
  }
}

function secondsSince(time: Date | null, now: Date): number | null {
  return time && Math.max(0, Math.round((now.getTime() - time.getTime()) / 1000))
}

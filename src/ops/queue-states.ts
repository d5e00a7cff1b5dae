import type { Kysely } from 'kysely'
import type { DB } from '../db/schema.ts'
import { type QueueName, queueNames } from './backlog.ts'
import { listLiveWorkers } from './live-workers.ts'
import { type ChannelPause, readChannelPauses } from './notifications/channel-pauses.ts'
import { listPauses, type Pause, pauseOf } from './pauses.ts'
import { readQueueStatuses } from './queue-status.ts'

/** Whether a queue goes on, and what waits in it. */
export interface QueueState {
  readonly queue: QueueName
  /** Of the queue itself, or of all notifications; null where it goes on. */
  readonly pause: Pause | null
  /** Its channel takes nothing for so long, as Telegram's limits or an outage want it; no resume ends that. */
  readonly channelPause: { readonly until: Date; readonly reason: string | null } | null
  /** Workers that are alive, but send nothing, and why. */
  readonly blocked: readonly { readonly owner: string; readonly reason: string }[]
  readonly outages: readonly { readonly owner: string; readonly since: Date; readonly reason: string }[]
  readonly due: number
  readonly scheduled: number
  readonly sending: number
  readonly held: number
}

export async function readQueueStates(db: Kysely<DB>): Promise<QueueState[]> {
  const statuses = await readQueueStatuses(db)
  const channels = await readChannelPauses(db)
  const pauses = await listPauses(db)
  const workers = await listLiveWorkers(db)
  return queueNames.map((queue) => {
    const { due, scheduled, sending, held } = statuses[queue]
    const ours = workers.filter(({ name }) => name === (queue === 'email' ? 'email' : 'notifications'))
    return {
      queue,
      pause: pauseOf(queue, pauses) ?? null,
      channelPause: queue === 'email' ? null : channelPauseOf(channels[queue === 'notifications' ? 'email' : queue]),
      blocked: ours.flatMap(({ owner, blocked }) => (blocked === null ? [] : [{ owner, reason: blocked }])),
      outages: ours.flatMap(({ owner, outage }) => (outage === null ? [] : [{ owner, ...outage }])),
      ...{ due, scheduled, sending, held },
    }
  })
}

function channelPauseOf({ pausedUntil, pauseReason }: ChannelPause): QueueState['channelPause'] {
  return pausedUntil && { until: pausedUntil, reason: pauseReason }
}

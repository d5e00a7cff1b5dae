import type { Kysely } from 'kysely'
import type { DB } from '../db/schema.ts'
import { listLiveWorkers } from './live-workers.ts'
import { readChannelStatus } from './notifications/channel-status.ts'
import { listPauses, type Pause } from './pauses.ts'
import { readQueueStatus } from './queue-status.ts'

/** Whether a queue goes on, and what waits in it. */
export interface QueueState {
  /** `email`, `notifications` (those that become mails), `telegram`, `sms`, `system`. */
  readonly queue: string
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
  const email = await readQueueStatus(db)
  const { email: toMail, ...channels } = await readChannelStatus(db)
  const pauses = await listPauses(db)
  const workers = await listLiveWorkers(db)
  const stateOf = (queue: string, counts: Pick<QueueState, 'due' | 'scheduled' | 'sending' | 'held'>) => {
    const { due, scheduled, sending, held } = counts
    const ours = workers.filter(({ name }) => name === (queue === 'email' ? 'email' : 'notifications'))
    return {
      queue,
      pause: pauseOf(queue, pauses) ?? null,
      blocked: ours.flatMap(({ owner, blocked }) => (blocked === null ? [] : [{ owner, reason: blocked }])),
      outages: ours.flatMap(({ owner, outage }) => (outage === null ? [] : [{ owner, ...outage }])),
      ...{ due, scheduled, sending, held },
    }
  }
  return [
    { ...stateOf('email', email), channelPause: null },
    ...Object.entries({ notifications: toMail, ...channels }).map(([queue, channel]) => ({
      ...stateOf(queue, channel),
      channelPause: channel.pausedUntil && { until: channel.pausedUntil, reason: channel.pauseReason },
    })),
  ]
}

/** What keeps it: that of its own before that of all notifications. */
function pauseOf(queue: string, pauses: readonly Pause[]): Pause | undefined {
  const own = pauses.find((pause) => pause.queue === queue)
  return own ?? (queue === 'email' ? undefined : pauses.find((pause) => pause.queue === 'notifications'))
}

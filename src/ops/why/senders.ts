import type { LiveWorker } from '../live-workers.ts'
import type { Pause } from '../pauses.ts'
import { clock } from './explanation.ts'

/** What keeps a whole queue: nobody takes anything of it. */
export interface SenderFacts {
  readonly queue: string
  readonly pause: Pause | null
  /** Of the kind that works on the queue, the dead ones of the last day included. */
  readonly workers: readonly LiveWorker[]
}

export interface Standstill {
  readonly state: 'paused' | 'no_worker' | 'blocked' | 'outage'
  /** A clause. */
  readonly reason: string
  readonly remedy: string
}

export function standstillOf({ queue, pause, workers }: SenderFacts, now: Date): Standstill | undefined {
  if (pause !== null) {
    const end = pause.until === null ? '' : `, until ${clock(pause.until, now)}`
    return {
      state: 'paused',
      reason: `${pause.queue} is paused since ${clock(pause.since, now)}${end}, by ${pause.pausedBy}: ${pause.reason}`,
      remedy: `fleet queue resume ${pause.queue}`,
    }
  }
  const alive = workers.filter(({ isAlive }) => isAlive)
  const [worker] = alive
  if (worker === undefined) {
    const [last] = workers.toSorted((a, b) => b.heartbeatAt.getTime() - a.heartbeatAt.getTime())
    const heard = last === undefined ? '' : ` (${last.owner} was last heard of at ${clock(last.heartbeatAt, now)})`
    return {
      state: 'no_worker',
      reason: `no worker for ${queue} is alive${heard}`,
      remedy: 'start one: npx pm2 start ecosystem.config.cjs',
    }
  }
  if (alive.every(({ blocked }) => blocked !== null)) {
    return {
      state: 'blocked',
      reason: `no worker may send: ${worker.blocked}`,
      remedy: 'fleet adopt-database --dry-run',
    }
  }
  const { outage } = worker
  if (outage !== null && alive.every((other) => other.outage !== null)) {
    return {
      state: 'outage',
      reason: `the next system takes nothing since ${clock(outage.since, now)}: ${outage.reason}`,
      remedy: 'none is needed: it goes on by itself when mail gets through; fleet doctor says what is wrong',
    }
  }
  return undefined
}

import { databaseNow } from '../../ops/clock.ts'
import type { PausableQueue } from '../../ops/pausable-queues.ts'
import { type Pause, pauseQueue, resumeQueue } from '../../ops/pauses.ts'
import { currentActor } from '../actor.ts'
import type { Answer } from '../answer.ts'
import { usageError } from '../cli-error.ts'
import { type Moment, momentAfter } from '../moments.ts'
import type { Session } from '../session.ts'
import { formatExactTime } from '../times.ts'

export interface PauseOptions {
  readonly reason: string
  readonly until?: Moment
}

export async function pause(session: Session, queue: PausableQueue, options: PauseOptions): Promise<Answer> {
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const until = options.until === undefined ? null : momentAfter(now, options.until)
  if (until !== null && until <= now)
    throw usageError('--until is past', 'give a time to come, or a duration such as 2h')
  const paused = await pauseQueue(db, { queue, until, reason: options.reason, actor: currentActor() })
  return {
    document: { action: 'pause', ...paused },
    text: () => `Paused ${queue}, ${describeEnd(paused, now)}. Let it go on with: fleet queue resume ${queue}\n`,
  }
}

export async function resume(session: Session, queue: PausableQueue): Promise<Answer> {
  const db = await session.openDatabase()
  const ended = await resumeQueue(db, { queue, actor: currentActor() })
  return {
    document: { action: 'resume', queue, ended: ended ?? null },
    text: () => (ended === undefined ? `${queue} was not paused.\n` : `${queue} goes on.\n`),
  }
}

/** `until 2026-03-02 05:00:00 UTC (in 2 h)`. */
export function describeEnd({ until }: Pick<Pause, 'until'>, now: Date): string {
  return until === null ? 'until somebody resumes it' : `until ${formatExactTime(until, now)}`
}

import { readReplayResults } from '../../ops/replays/replay-results.ts'
import { findReplay } from '../../ops/replays/replay-store.ts'
import { requestStop } from '../../ops/replays/stop-replay.ts'
import { currentActor } from '../actor.ts'
import type { Answer } from '../answer.ts'
import type { Session } from '../session.ts'
import { countOf } from '../words.ts'
import { followReplay } from './follow.ts'
import { unknownReplay } from './words.ts'

export interface StopOptions {
  readonly dryRun?: boolean
}

/** Stops a replay. With a dry run it only says what that would do. */
export async function stopReplay(session: Session, id: number, { dryRun }: StopOptions): Promise<Answer> {
  const db = await session.openDatabase()
  const before = await findReplay(db, id)
  if (before === undefined) throw unknownReplay(id)
  if (dryRun === true) {
    const { left, now } = await readReplayResults(db, before)
    const counts = { left, takenBack: now.pending ?? 0 }
    return {
      document: { action: 'stop', dryRun: true, replay: id, ...counts },
      text: () =>
        `Would take back ${countOf(counts.takenBack, 'mail')} and leave ${countOf(left, 'mail')} as they are.\n`,
    }
  }
  const isNew = await requestStop(db, { id, actor: currentActor() })
  const replay = await followReplay(session, db, id)
  const { left, takenBack, replayed } = await readReplayResults(db, replay)
  const text = isNew || before.state === 'stopping' ? `Stopped replay ${id}` : `Replay ${id} was stopped before`
  return {
    document: { action: 'stop', dryRun: false, replay: id, state: replay.state, left, takenBack, gone: replayed },
    text: () =>
      `${text}: ${countOf(takenBack, 'mail')} taken back, ${countOf(left, 'mail')} left as they were, ` +
      `${countOf(replayed, 'mail')} gone before.\n`,
  }
}

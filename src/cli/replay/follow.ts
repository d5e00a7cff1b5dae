import process from 'node:process'
import type { Kysely } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { listLiveWorkers } from '../../ops/live-workers.ts'
import { carryOnReplay } from '../../ops/replays/carry-on.ts'
import type { Replay } from '../../ops/replays/replay.ts'
import { exitStatus } from '../exit-status.ts'
import type { Session } from '../session.ts'
import { formatCount } from '../words.ts'

/** From so many mails on it is worth a word who goes on with them should this command end. */
const largeReplay = 5_000

/**
 * Goes on with a replay until it has ended, beside the lifecycle worker that does the same: should this process be killed, that one goes on.
 * Ctrl-C leaves it to that one, and says how to look at it and how to stop it.
 */
export async function followReplay(session: Session, db: Kysely<DB>, id: number): Promise<Replay> {
  const ending = new AbortController()
  const hasWorker = (await listLiveWorkers(db)).some(({ name }) => name === 'lifecycle')
  process.removeAllListeners('SIGINT')
  const leave = () => {
    session.say(
      `\nReplay ${id} ${hasWorker ? 'goes on without this terminal' : 'goes on when a lifecycle worker runs: none is alive'}. ` +
        `Look at it: fleet replay show ${id}. Stop it: fleet replay stop ${id}`,
    )
    process.exit(exitStatus.interrupted)
  }
  process.once('SIGINT', leave)
  try {
    return await session.progress(`Replay ${id}`, async (tell) => {
      let done = 0
      let told = false
      return carryOnReplay(db, id, {
        signal: ending.signal,
        onStep(replay) {
          if (!told && !hasWorker && (replay.size > largeReplay || replay.state === 'canary')) {
            told = true
            session.say('No lifecycle worker is alive: this command does it all itself, so let it end.')
          }
          tell(describeStep(replay, done))
        },
        onBatch(rows) {
          done += rows
          tell(`Replay ${id}: ${formatCount(done)} mails put back`)
        },
      })
    })
  } finally {
    process.off('SIGINT', leave)
  }
}

function describeStep({ id, state, canary }: Replay, done: number): string {
  switch (state) {
    case 'canary':
      return `Replay ${id}: waiting for what comes of the first ${formatCount(canary)}`
    case 'stopping':
      return `Replay ${id}: taking back what waits`
    default:
      return `Replay ${id}: ${formatCount(done)} mails put back`
  }
}

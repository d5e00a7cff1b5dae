import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { isUnreachable } from '../../db/pool.ts'
import type { DB } from '../../db/schema.ts'
import { judgeCanary } from './canary.ts'
import { putBack } from './put-back.ts'
import type { Replay } from './replay.ts'
import { beginCanary, decideCanary, findReplay, finishReplay, listUnfinished, readCanary } from './replay-store.ts'
import { takeBack } from './stop-replay.ts'

const pauseMs = 250

interface Carrying {
  readonly signal: AbortSignal
  /** Told the replay after each step. */
  readonly onStep?: (replay: Replay) => void
  readonly onBatch?: (rows: number) => void
}

/** Goes on with a replay until it has ended, beside whoever else does; answers what it is then. Throws when `signal` aborts. */
export async function carryOnReplay(db: Kysely<DB>, id: number, carrying: Carrying): Promise<Replay> {
  for (;;) {
    carrying.signal.throwIfAborted()
    const replay = await findReplay(db, id)
    if (replay === undefined) throw new Error(`there is no replay ${id}`)
    if (hasEnded(replay)) return replay
    carrying.onStep?.(replay)
    if (await stepOn(db, replay, carrying)) await delay(pauseMs, undefined, { signal: carrying.signal })
  }
}

/**
 * Goes on with all replays that have not ended, those that are made meanwhile too; answers how many there were. One that cannot go on, as a
 * trigger of the platform refuses one of its mails perhaps, keeps none of the others: its error is thrown when these have ended.
 */
export async function carryOnReplays(db: Kysely<DB>, carrying: Carrying): Promise<{ replays: number }> {
  const { signal } = carrying
  const seen = new Set<number>()
  const faults = new Map<number, Error>()
  for (;;) {
    const ids = (await listUnfinished(db)).filter((id) => !faults.has(id))
    if (ids.length === 0) break
    let isWaiting = true
    for (const id of ids) {
      seen.add(id)
      signal.throwIfAborted()
      try {
        const replay = await findReplay(db, id)
        if (replay !== undefined && !(await stepOn(db, replay, carrying))) isWaiting = false
      } catch (cause) {
        if (signal.aborted || isUnreachable(cause)) throw cause
        faults.set(id, new Error(`replay ${id} cannot go on`, { cause }))
      }
    }
    if (isWaiting) await delay(pauseMs, undefined, { signal })
  }
  const [fault] = faults.values()
  if (fault !== undefined) throw fault
  return { replays: seen.size }
}

function hasEnded({ state }: Replay): boolean {
  return state === 'done' || state === 'canary_failed' || state === 'stopped'
}

/** Does what can be done now; answers whether the next step has to wait for others. */
async function stepOn(db: Kysely<DB>, replay: Replay, { signal, onBatch }: Carrying): Promise<boolean> {
  switch (replay.state) {
    case 'canary':
      await putBack(db, replay, { upTo: replay.canary, signal, onBatch })
      await beginCanary(db, replay)
      return judge(db, replay)
    case 'running':
      await putBack(db, replay, { upTo: replay.size, signal, onBatch })
      return !(await finishReplay(db, replay))
    case 'stopping':
      return (await takeBack(db, replay)) === 'in_hand'
    default:
      return false
  }
}

async function judge(db: Kysely<DB>, replay: Replay): Promise<boolean> {
  const facts = await readCanary(db, replay)
  if (facts === undefined) return true
  const verdict = judgeCanary(facts)
  if (verdict === 'wait') return true
  await decideCanary(db, replay, { state: verdict === 'go_on' ? 'running' : 'canary_failed', facts })
  return false
}

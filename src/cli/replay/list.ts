import { databaseNow } from '../../ops/clock.ts'
import type { Replay } from '../../ops/replays/replay.ts'
import { listReplays } from '../../ops/replays/replay-store.ts'
import type { Answer } from '../answer.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, renderTable } from '../table.ts'
import { formatTime } from '../times.ts'
import { formatCount } from '../words.ts'
import { paintState, stateWord } from './words.ts'

export interface ListOptions {
  readonly limit: number
}

export async function showReplays(session: Session, { limit }: ListOptions): Promise<Answer> {
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const replays = await listReplays(db, limit)
  return {
    document: { replays },
    text: (screen) => (replays.length === 0 ? 'No replay.\n' : render(replays, { screen, now })),
  }
}

function render(replays: readonly Replay[], { screen, now }: { screen: Screen; now: Date }): string {
  const columns = [
    { title: 'ID', align: 'right' as const },
    { title: 'STATE' },
    { title: 'MAILS', align: 'right' as const },
    { title: 'BEGUN' },
    { title: 'BY' },
    { title: 'REASON' },
  ]
  const rows = replays.map((replay): Cell[] => [
    { text: String(replay.id) },
    { text: stateWord(replay.state), paint: paintState(replay.state, screen) },
    { text: formatCount(replay.size) },
    { text: formatTime(replay.createdAt, { now, screen }) },
    { text: replay.actor },
    { text: replay.reason ?? '-' },
  ])
  return renderTable(columns, rows, screen)
}

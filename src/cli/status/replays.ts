import type { FleetStatus } from '../../ops/fleet-status.ts'
import { paintState, stateWord } from '../replay/words.ts'
import { type Cell, type Column, renderTable } from '../table.ts'
import { formatTime } from '../times.ts'
import { formatCount } from '../words.ts'
import type { View } from './view.ts'

const columns: readonly Column[] = [
  { title: 'REPLAY', align: 'right' },
  { title: 'STATE' },
  { title: 'MAILS', align: 'right' },
  { title: 'LEFT', align: 'right' },
  { title: 'A SECOND', align: 'right' },
  { title: 'BEGUN' },
  { title: 'BY' },
  { title: 'REASON' },
]

export function renderReplays(replays: FleetStatus['replays'], view: View): string {
  if (replays.length === 0) return ''
  const rows = replays.map((replay): Cell[] => [
    { text: String(replay.id) },
    { text: stateWord(replay.state), paint: paintState(replay.state, view.screen) },
    { text: formatCount(replay.size) },
    { text: formatCount(replay.left) },
    { text: replay.perSecond === null ? '-' : formatCount(replay.perSecond) },
    { text: formatTime(replay.createdAt, view) },
    { text: replay.actor },
    { text: replay.reason ?? '-' },
  ])
  return renderTable(columns, rows, view.screen)
}

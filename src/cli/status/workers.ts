import type { LiveWorker } from '../../ops/live-workers.ts'
import { formatDuration } from '../../runtime/durations.ts'
import { type Cell, type Column, renderTable } from '../table.ts'
import { formatCount } from '../words.ts'
import type { View } from './view.ts'

const columns: readonly Column[] = [
  { title: 'WORKER' },
  { title: 'HOST' },
  { title: 'PID', align: 'right' },
  { title: 'VERSION' },
  { title: 'UP', align: 'right' },
  { title: 'IN HAND', align: 'right' },
  { title: 'STATE' },
]

export function renderWorkers(workers: readonly LiveWorker[], { screen, now }: View): string {
  if (workers.length === 0) return ''
  const { colors } = screen
  const rows = workers.map((worker): Cell[] => {
    const state = stateOf(worker)
    return [
      { text: worker.name },
      { text: worker.host },
      { text: String(worker.pid) },
      { text: worker.version },
      { text: formatDuration(now.getTime() - worker.startedAt.getTime()) },
      { text: formatCount(worker.inHand) },
      { text: state, paint: state === 'works' ? colors.green : colors.red },
    ]
  })
  return renderTable(columns, rows, screen)
}

function stateOf({ isAlive, blocked, outage }: LiveWorker): string {
  if (!isAlive) return 'dead'
  if (blocked !== null) return 'blocked'
  return outage === null ? 'works' : 'outage'
}

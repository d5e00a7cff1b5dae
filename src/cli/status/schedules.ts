import type { FleetStatus } from '../../ops/fleet-status.ts'
import { type Cell, type Column, renderTable } from '../table.ts'
import { formatTime } from '../times.ts'
import type { View } from './view.ts'

const columns: readonly Column[] = [
  { title: 'SCHEDULE' },
  { title: 'UTC' },
  { title: 'LAST' },
  { title: 'NEXT' },
  { title: '' },
]

export function renderSchedules(schedules: FleetStatus['schedules'], view: View): string {
  if (schedules.length === 0) return ''
  const { colors } = view.screen
  const rows = schedules.map(({ name, cron, lastRun, nextRun, isOverdue, failure }): Cell[] => [
    { text: name },
    { text: cron },
    { text: formatTime(lastRun, view), paint: isOverdue ? colors.red : undefined },
    { text: formatTime(nextRun, view) },
    { text: isOverdue ? 'overdue' : failure === null ? '' : 'failed', paint: isOverdue ? colors.red : colors.yellow },
  ])
  return renderTable(columns, rows, view.screen)
}

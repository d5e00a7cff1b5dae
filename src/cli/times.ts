import { formatRelative } from '../runtime/durations.ts'
import type { Screen } from './screen.ts'

/** What PostgreSQL calls `infinity` is read as a number. */
function isEndless(time: unknown): boolean {
  return !(time instanceof Date)
}

/** Relative for people at a terminal, ISO 8601 in UTC for everything else; `-` where there is none. */
export function formatTime(time: Date | null, { now, screen }: { now: Date; screen: Screen }): string {
  if (time === null) return '-'
  if (isEndless(time)) return String(time).toLowerCase()
  return screen.isTerminal ? formatRelative(time, now) : time.toISOString()
}

/** `2026-11-22 14:05:00 UTC (in 12 min)`. */
export function formatExactTime(time: Date | null, now: Date): string {
  if (time === null) return '-'
  if (isEndless(time)) return String(time).toLowerCase()
  const [date, clock] = time.toISOString().split('T')
  return `${date} ${clock?.slice(0, 8)} UTC (${formatRelative(time, now)})`
}

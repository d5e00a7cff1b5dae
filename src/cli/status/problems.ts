import type { FleetStatus } from '../../ops/fleet-status.ts'
import { formatDuration } from '../../runtime/durations.ts'
import { printable } from '../printable.ts'
import { formatTime } from '../times.ts'
import { countOf } from '../words.ts'
import type { View } from './view.ts'

interface Problem {
  readonly severity: 'red' | 'yellow'
  readonly text: string
}

/** A line for each, the worst first; one that says that there are none. */
export function listProblems(
  status: FleetStatus & { readonly pendingMigrations: readonly string[] },
  view: View,
): string {
  const problems = [
    ...ofWorkers(status, view),
    ...ofPauses(status, view),
    ...ofSchedules(status, view),
    ...(status.pendingMigrations.length === 0
      ? []
      : [yellow(`${countOf(status.pendingMigrations.length, 'migration')} pending: fleet migrate up`)]),
  ]
  const { colors } = view.screen
  if (problems.length === 0) return `${colors.green('Nothing stands still, and every worker is heard of.')}\n`
  return problems
    .toSorted((a, b) => Number(a.severity === 'yellow') - Number(b.severity === 'yellow'))
    .map(({ severity, text }) => `${colors[severity](`! ${printable(text)}`)}\n`)
    .join('')
}

const red = (text: string): Problem => ({ severity: 'red', text })
const yellow = (text: string): Problem => ({ severity: 'yellow', text })

const duties = {
  email: 'no mail is being sent',
  notifications: 'no notification is being sent',
  lifecycle: 'subscriptions are not swept',
} as const

function ofWorkers({ workers }: FleetStatus, view: View): Problem[] {
  const alive = workers.filter(({ isAlive }) => isAlive)
  const missing = Object.entries(duties).filter(([name]) => !alive.some((worker) => worker.name === name))
  const dead = workers.filter(({ isAlive }) => !isAlive)
  return [
    ...missing.map(([name, consequence]) => red(`No ${name} worker is alive: ${consequence}.`)),
    ...alive.flatMap(({ owner, blocked, outage }) => [
      ...(blocked === null ? [] : [red(`${owner} sends nothing: ${blocked}`)]),
      ...(outage === null ? [] : [red(`${owner} has an outage since ${since(outage.since, view)}: ${outage.reason}`)]),
    ]),
    ...dead.map(({ owner, heartbeatAt }) => yellow(`${owner} died: last heard of ${formatTime(heartbeatAt, view)}`)),
  ]
}

function ofPauses({ pauses, notifications }: FleetStatus, view: View): Problem[] {
  const channels = Object.entries(notifications).flatMap(([name, { pausedUntil, pauseReason }]) =>
    pausedUntil === null
      ? []
      : [yellow(`${name} waits until ${formatTime(pausedUntil, view)}: ${pauseReason ?? 'nobody says why'}`)],
  )
  return [
    ...pauses.map(({ queue, since: begun, until, reason, pausedBy }) => {
      const end = until === null ? '' : `, ends ${formatTime(until, view)}`
      return yellow(`${queue} is paused since ${since(begun, view)}${end}, by ${pausedBy}: ${reason}`)
    }),
    ...channels,
  ]
}

function ofSchedules({ schedules }: FleetStatus, view: View): Problem[] {
  return schedules.flatMap(({ name, isOverdue, lastRun, failure }) => [
    ...(isOverdue ? [red(`${name} is overdue: last run ${formatTime(lastRun, view)}`)] : []),
    ...(failure === null ? [] : [yellow(`${name} failed: ${failure}`)]),
  ])
}

/** `02:59:00 UTC (8 min)`. */
function since(time: Date, { now }: View): string {
  return `${time.toISOString().slice(11, 19)} UTC (${formatDuration(now.getTime() - time.getTime())})`
}

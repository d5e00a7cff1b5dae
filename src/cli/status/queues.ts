import type { FleetStatus, QueueHistory } from '../../ops/fleet-status.ts'
import { formatDuration } from '../../runtime/durations.ts'
import { type Cell, type Column, renderTable } from '../table.ts'
import { formatCount } from '../words.ts'
import { sparkline } from './sparkline.ts'
import type { View } from './view.ts'

interface Queue extends QueueHistory {
  readonly name: string
  readonly due: number
  readonly oldestDueAt: Date | null
  readonly scheduled: number
  readonly sending: number
  readonly held: number
  readonly ended: Readonly<Record<string, number>>
  readonly priorities: readonly { readonly priority: number; readonly due: number; readonly scheduled: number }[]
}

/** Mail always; a channel of notifications only where there is something to say of it. */
function queuesOf({ email, notifications }: FleetStatus): Queue[] {
  const mail = { ...email, name: 'email', ended: email.last24Hours }
  const channels = Object.entries(notifications).map(([name, channel]) => ({
    ...channel,
    name: name === 'email' ? 'to e-mail' : name,
    ended: channel.last24Hours,
  }))
  return [mail, ...channels.filter(isInUse)]
}

function isInUse({ due, scheduled, sending, held, ended }: Omit<Queue, 'name'>): boolean {
  return due + scheduled + sending + held + Object.values(ended).reduce((sum, count) => sum + count, 0) > 0
}

const waitingColumns: readonly Column[] = [
  { title: 'QUEUE' },
  { title: 'DUE', align: 'right' },
  { title: 'OLDEST', align: 'right' },
  { title: 'LATER', align: 'right' },
  { title: 'SENDING', align: 'right' },
  { title: 'HELD', align: 'right' },
  { title: 'DUE BY PRIORITY' },
]

const longMs = 10 * 60_000

export function renderWaiting(status: FleetStatus, { screen, now }: View): string {
  const { colors } = screen
  const rows = queuesOf(status).map((queue): Cell[] => {
    const waitedMs = queue.oldestDueAt === null ? null : Math.max(0, now.getTime() - queue.oldestDueAt.getTime())
    return [
      { text: queue.name },
      { text: formatCount(queue.due) },
      {
        text: waitedMs === null ? '-' : formatDuration(waitedMs),
        paint: waitedMs !== null && waitedMs >= longMs ? colors.red : undefined,
      },
      { text: formatCount(queue.scheduled) },
      { text: formatCount(queue.sending) },
      { text: formatCount(queue.held), paint: queue.held > 0 ? colors.magenta : undefined },
      {
        text: queue.priorities
          .filter(({ due }) => due > 0)
          .map(({ priority, due }) => `${priority}: ${formatCount(due)}`)
          .join('  '),
      },
    ]
  })
  return renderTable(waitingColumns, rows, screen)
}

const rateColumns: readonly Column[] = [
  { title: 'A MINUTE OVER' },
  { title: '1', align: 'right' },
  { title: '15', align: 'right' },
  { title: '60 MIN', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: '15', align: 'right' },
  { title: '60 MIN', align: 'right' },
  { title: '24 H', align: 'right' },
  { title: 'LAST HOUR' },
]
const sparkWidth = 15
const alarmingShare = 0.1

export function renderRates(status: FleetStatus, { screen }: View): string {
  const { colors } = screen
  const rows = queuesOf(status).map((queue): Cell[] => {
    const { windows, sentByMinute } = queue.rates
    return [
      { text: queue.name },
      ...windows.map(({ sentPerMinute }) => ({ text: formatRate(sentPerMinute) })),
      ...windows.map(({ failedShare }) => ({
        text: failedShare === null ? '-' : `${Math.ceil(failedShare * 100)}%`,
        paint: failedShare !== null && failedShare >= alarmingShare ? colors.red : undefined,
      })),
      { text: formatCount(queue.ended.sent ?? 0) },
      { text: sparkline(sentByMinute, sparkWidth), paint: colors.cyan },
    ]
  })
  return renderTable(rateColumns, rows, screen)
}

/** `1,204`, `0.3` below ten. */
function formatRate(perMinute: number): string {
  return perMinute === 0 || perMinute >= 10 ? formatCount(Math.round(perMinute)) : perMinute.toFixed(1)
}

/** `email  failed in 24 h: 17 mailbox_full, 3 recipient_unknown`. */
export function renderErrorClasses(status: FleetStatus): string {
  return queuesOf(status)
    .flatMap(({ name, errorClasses: { failed, held }, ended: { failed: all = 0 } }) => [
      ...(failed.length > 0 ? [`${name}: ${formatCount(all)} failed in 24 h: ${listClasses(failed)}\n`] : []),
      ...(held.length > 0 ? [`${name}: held: ${listClasses(held)}\n`] : []),
    ])
    .join('')
}

const classesShown = 4

function listClasses(classes: QueueHistory['errorClasses']['failed']): string {
  const shown = classes
    .slice(0, classesShown)
    .map((entry) => `${formatCount(entry.count)} ${entry.errorClass || 'unknown'}`)
  const rest = classes.slice(classesShown).reduce((sum, { count }) => sum + count, 0)
  return [...shown, ...(rest > 0 ? [`${formatCount(rest)} others`] : [])].join(', ')
}

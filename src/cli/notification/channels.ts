import type { ChannelStatus } from '../../ops/notifications/channel-status.ts'
import { printable } from '../printable.ts'
import type { Screen } from '../screen.ts'
import { type Cell, type Column, renderTable } from '../table.ts'
import { formatTime } from '../times.ts'
import { formatCount } from '../words.ts'

interface View {
  readonly screen: Screen
  readonly now: Date
}

type Channels = Readonly<Record<string, ChannelStatus>>

const columns: readonly Column[] = [
  { title: 'CHANNEL' },
  { title: 'DUE', align: 'right' },
  { title: 'OLDEST' },
  { title: 'LATER', align: 'right' },
  { title: 'SENDING', align: 'right' },
  { title: 'HELD', align: 'right' },
  { title: '24 H: SENT', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'SKIPPED', align: 'right' },
]

/** A line for each channel, and one for each that pauses. */
export function renderChannels(channels: Channels, view: View): string {
  const { colors } = view.screen
  const rows = Object.entries(channels).map(([name, { last24Hours, ...channel }]): Cell[] => [
    { text: name },
    countCell(channel.due),
    { text: formatTime(channel.oldestDueAt, view) },
    countCell(channel.scheduled),
    countCell(channel.sending),
    countCell(channel.held, colors.magenta),
    countCell(last24Hours.sent),
    countCell(last24Hours.failed, colors.red),
    countCell(last24Hours.skipped, colors.yellow),
  ])
  return `${renderTable(columns, rows, view.screen)}${renderPauses(channels, view)}`
}

function countCell(count: number, paint?: (text: string) => string): Cell {
  return { text: formatCount(count), paint: count > 0 ? paint : undefined }
}

function renderPauses(channels: Channels, view: View): string {
  const lines = Object.entries(channels).flatMap(([name, { pausedUntil, pauseReason }]) => {
    if (pausedUntil === null) return []
    const pause = `${name} pauses, until ${formatTime(pausedUntil, view)}: ${printable(pauseReason ?? 'nobody says why')}`
    return [`${view.screen.colors.yellow(pause)}\n`]
  })
  return lines.join('')
}

import { listMigrations } from '../db/migration-state.ts'
import { databaseNow } from '../ops/clock.ts'
import { type LiveWorker, listLiveWorkers } from '../ops/live-workers.ts'
import { type ChannelStatus, readChannelStatus } from '../ops/notifications/channel-status.ts'
import { type QueueStatus, readQueueStatus } from '../ops/queue-status.ts'
import { readSweepStatus, type SweepStatus } from '../ops/sweep-status.ts'
import type { Answer } from './answer.ts'
import { notMigrated } from './database.ts'
import { renderChannels } from './notification/channels.ts'
import type { Screen } from './screen.ts'
import type { Session } from './session.ts'
import { renderSweeps } from './sweep/status.ts'
import { type Cell, renderFacts, renderTable } from './table.ts'
import { formatDuration, formatTime } from './times.ts'
import { countOf, formatCount } from './words.ts'

interface FleetStatus {
  readonly email: QueueStatus & { readonly oldestDueSeconds: number | null }
  readonly notifications: Readonly<Record<string, ChannelStatus>>
  readonly subscriptions: SweepStatus
  readonly workers: readonly LiveWorker[]
  readonly pendingMigrations: readonly string[]
}

interface View {
  readonly screen: Screen
  readonly now: Date
}

export async function showStatus(session: Session): Promise<Answer> {
  const db = await session.openDatabase({ unmigrated: true })
  const migrations = await listMigrations(db)
  const pendingMigrations = migrations.filter(({ appliedAt }) => appliedAt === null).map(({ name }) => name)
  if (migrations.length === pendingMigrations.length) throw notMigrated(pendingMigrations)
  const now = await databaseNow(db)
  const email = await session.progress('Counting mails', () => readQueueStatus(db))
  const notifications = await session.progress('Counting notifications', () => readChannelStatus(db))
  const oldestDueSeconds =
    email.oldestDueAt && Math.max(0, Math.round((now.getTime() - email.oldestDueAt.getTime()) / 1000))
  const subscriptions = await readSweepStatus(db)
  const workers = await listLiveWorkers(db)
  const status = { email: { ...email, oldestDueSeconds }, notifications, subscriptions, workers, pendingMigrations }
  return { document: { now, ...status }, text: (screen) => render(status, { screen, now }) }
}

function render({ email, notifications, subscriptions, workers, pendingMigrations }: FleetStatus, view: View): string {
  const { colors } = view.screen
  const parts = [
    `${colors.bold('E-mail')}\n${renderQueue(email, view)}`,
    ...(email.priorities.length > 0 ? [renderPriorities(email, view)] : []),
    `${colors.bold('Notifications')}\n${renderChannels(notifications, view)}`,
    `${colors.bold('Subscriptions')}\n${renderSweeps(subscriptions, view)}`,
    `${colors.bold('Workers')}\n${renderWorkers(workers, view)}`,
  ]
  if (pendingMigrations.length > 0) {
    parts.push(`${colors.yellow(`${countOf(pendingMigrations.length, 'migration')} pending`)}: fleet migrate up\n`)
  }
  return parts.join('\n')
}

function renderQueue(email: FleetStatus['email'], { screen }: View): string {
  const { colors } = screen
  const { sent, failed, cancelled, expired } = email.last24Hours
  const oldest =
    email.oldestDueSeconds === null ? '' : `, the oldest for ${formatDuration(email.oldestDueSeconds * 1000)}`
  const ends = [
    `${formatCount(sent)} sent`,
    failed > 0 ? colors.red(`${formatCount(failed)} failed`) : '0 failed',
    `${formatCount(expired)} expired`,
    `${formatCount(cancelled)} cancelled`,
  ]
  return renderFacts(
    [
      ['Due now', `${formatCount(email.due)}${oldest}`],
      ['Later', formatCount(email.scheduled)],
      ['Being sent', formatCount(email.sending)],
      ['Held', email.held > 0 ? colors.magenta(formatCount(email.held)) : '0'],
      ['Last 24 h', ends.join(', ')],
    ],
    screen,
  )
}

function renderPriorities({ priorities }: QueueStatus, { screen }: View): string {
  const columns = [
    { title: 'PRIORITY', align: 'right' as const },
    { title: 'DUE', align: 'right' as const },
    { title: 'LATER', align: 'right' as const },
  ]
  const rows = priorities.map(({ priority, due, scheduled }): Cell[] => [
    { text: String(priority) },
    { text: formatCount(due) },
    { text: formatCount(scheduled) },
  ])
  return renderTable(columns, rows, screen)
}

function renderWorkers(workers: readonly LiveWorker[], view: View): string {
  if (workers.length === 0) return `${view.screen.colors.red('None is alive: nothing is being sent.')}\n`
  const columns = [
    { title: 'WORKER' },
    { title: 'HOST' },
    { title: 'PID' },
    { title: 'STARTED' },
    { title: 'HEARD OF' },
  ]
  const rows = workers.map(({ name, host, pid, startedAt, heartbeatAt }): Cell[] => [
    { text: name },
    { text: host },
    { text: String(pid) },
    { text: formatTime(startedAt, view) },
    { text: formatTime(heartbeatAt, view) },
  ])
  return renderTable(columns, rows, view.screen)
}

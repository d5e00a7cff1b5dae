import { databaseNow } from '../../ops/clock.ts'
import type { NotificationAttempt } from '../../ops/notifications/notification-history.ts'
import {
  type NotificationBody,
  type NotificationDetails,
  type RelatedNotification,
  showNotification,
  showNotificationBody,
} from '../../ops/notifications/show-notification.ts'
import type { Answer } from '../answer.ts'
import { renderHistory, type ShownAttempt } from '../history.ts'
import { notificationWords, unknownMessages } from '../message-words.ts'
import { printable, printableLines } from '../printable.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, renderFacts, renderTable } from '../table.ts'
import { formatExactTime } from '../times.ts'
import { countOf, formatCount, paintStatus } from '../words.ts'

export interface ShowOptions {
  readonly body?: boolean
}

interface View {
  readonly screen: Screen
  readonly now: Date
}

export async function showOneNotification(session: Session, id: number, options: ShowOptions): Promise<Answer> {
  const db = await session.openDatabase()
  const notification = await showNotification(db, id)
  if (notification === undefined) throw unknownMessages(notificationWords, [id])
  const body = options.body === true ? await showNotificationBody(db, id) : undefined
  const now = await databaseNow(db)
  return {
    document: { ...notification, ...(body && { body }) },
    text: (screen) => renderNotification(notification, { screen, now }) + (body ? renderBody(body, screen) : ''),
  }
}

function renderNotification(notification: NotificationDetails, { screen, now }: View): string {
  const status = paintStatus(notification.status, screen)(printable(notification.status))
  const title = `${screen.colors.bold(`Notification ${notification.id}`)}  ${status}\n`
  const known = [...contentFacts(notification), ...progressFacts(notification, now)]
  const facts = renderFacts(
    known.filter((fact) => fact !== undefined),
    screen,
  )
  const history = renderHistory(notification.history.map(toShownAttempt), { screen, now })
  return `${title}\n${facts}${renderRelations(notification, screen)}${history}`
}

type Fact = readonly [title: string, value: string] | undefined

function text(title: string, value: string | null): Fact {
  return value ? [title, printable(value)] : undefined
}

function contentFacts(notification: NotificationDetails): Fact[] {
  const { channel, to, company, companyId, type, messageBytes } = notification
  const nobody = channel === 'system' ? null : 'nobody: neither event_data nor a contact of its company says whom'
  return [
    text('Channel', channel),
    text('To', to ?? nobody),
    text('Company', companyId === null ? null : `${company ?? ''} (${companyId})`),
    text('Type', type),
    text('Subject', notification.subject),
    text('Event data', notification.dataNames.join(', ')),
    ['Size', `message ${formatCount(messageBytes)} bytes`],
    ['Priority', notification.priority],
    text('Group', notification.group),
    text('Source', notification.source),
    text('Dedup key', notification.dedupKey),
  ]
}

function progressFacts(notification: NotificationDetails, now: Date): Fact[] {
  const time = (title: string, value: Date | null): Fact => (value ? [title, formatExactTime(value, now)] : undefined)
  const { status, attempts, mail, handedOverAt, unreachableSince } = notification
  return [
    ['Attempts', `${attempts} of ${notification.maxAttempts}`],
    text('Delivered', describeParts(notification.parts)),
    text(
      'Unreachable',
      unreachableSince && `since ${formatExactTime(unreachableSince, now)}: ${notification.unreachableReason}`,
    ),
    text('Mail', mail && `${mail.id} (${mail.status}): fleet email show ${mail.id}`),
    time('Queued', notification.enqueuedAt),
    time('Scheduled', notification.scheduledAt),
    time(attempts > 0 ? 'Next attempt' : 'Due', status === 'pending' ? notification.dueAt : null),
    time('Not after', notification.notAfter),
    time('Sent', notification.sentAt),
    time('Read', notification.readAt),
    time('Erased', notification.erasedAt),
    time('Changed', notification.changedAt),
    text(status === 'sending' ? 'Worker' : 'Last worker', notification.claimedBy),
    time('Lease until', status === 'sending' ? notification.leasedUntil : null),
    text(
      'Handed over',
      handedOverAt && `${formatExactTime(handedOverAt, now)}: it may have arrived, the answer is not known yet`,
    ),
    text('When ambiguous', notification.whenAmbiguous),
    notification.rescues > 0 ? ['Workers died', String(notification.rescues)] : undefined,
    notification.needsFallback
      ? ['Fallback', 'a worker is still to see whether another channel is to be tried']
      : undefined,
    text('Error class', notification.errorClass),
    text('Last error', notification.lastError),
    status === 'sent' ? undefined : ['Why', `fleet notification why ${notification.id}`],
  ]
}

/** What the next system has of it already: of a long message for Telegram the parts are recorded one by one. */
function describeParts(parts: unknown): string | null {
  if (parts === null) return null
  const { sent } = parts as { readonly sent?: unknown }
  return Array.isArray(sent) ? countOf(sent.length, 'part') : JSON.stringify(parts)
}

function renderRelations(notification: NotificationDetails, screen: Screen): string {
  const { fallbackFrom, fallbacks, digest, members } = notification
  const relations: readonly (readonly [relation: string, other: RelatedNotification])[] = [
    ...(fallbackFrom === null ? [] : [['stands in for', fallbackFrom] as const]),
    ...fallbacks.map((other) => ['in its stead', other] as const),
    ...(digest === null ? [] : [['goes out with', digest] as const]),
    ...members.map((other) => ['tells, too', other] as const),
  ]
  if (relations.length === 0) return ''
  const columns = [
    { title: 'RELATION' },
    { title: 'ID', align: 'right' as const },
    { title: 'STATUS' },
    { title: 'CHANNEL' },
    { title: 'SUBJECT' },
  ]
  const rows = relations.map(([relation, { id, status, channel, subject }]): Cell[] => [
    { text: relation },
    { text: String(id) },
    { text: status, paint: paintStatus(status, screen) },
    { text: channel },
    { text: subject ?? '-' },
  ])
  return `\n${renderTable(columns, rows, screen)}`
}

function toShownAttempt(attempt: NotificationAttempt): ShownAttempt {
  const { code, providerCode } = attempt
  const codes = [code, providerCode].filter((each) => each !== null)
  return { ...attempt, codes: codes.length === 0 ? null : codes.join(' ') }
}

function renderBody({ message, eventData }: NotificationBody, screen: Screen): string {
  const part = (title: string, content: string) => `\n${screen.colors.bold(title)}\n${printableLines(content)}\n`
  const filled = eventData !== null && JSON.stringify(eventData) !== '{}'
  return (
    (filled ? part('Event data', JSON.stringify(eventData, null, 2)) : '') + (message ? part('Message', message) : '')
  )
}

import { escapeHtml } from '../email/escape-html.ts'
import { formatLocalTime, type LocalClock, parseInstant } from '../email/local-time.ts'
import { oneLine } from '../email/one-line.ts'
import { shorten } from '../email/shorten.ts'
import type { Alert, AlertKind } from './alert.ts'
import { wordsOf } from './alert-words.ts'
import type { Message } from './assess.ts'

export interface AlertText {
  /** One line. */
  readonly subject: string
  /** For a mail. */
  readonly text: string
  /** With Telegram's markup. */
  readonly html: string
}

export interface TextSettings {
  readonly clock: LocalClock
  /** Which installation it is about. */
  readonly environment: string | undefined
}

/** What to run first, of commands that change nothing. */
export const firstCommands: Readonly<Record<AlertKind, string>> = {
  'backlog-too-old': 'fleet queue status',
  'failure-share-too-high': 'fleet email list --status failed --since 1h',
  outage: 'fleet doctor',
  'no-worker-alive': 'fleet status',
  'sweep-overdue': 'fleet sweep --plan',
  'queue-growth': 'fleet queue status',
  'disk-growth': 'fleet doctor',
  'wrong-database': 'fleet adopt-database --dry-run',
  'host-load': 'fleet status',
  'database-unreachable': 'fleet doctor',
}

/** From the root of the project. */
export function runbookOf(kind: AlertKind): string {
  return `docs/runbooks/${kind}.md`
}

const longestSubject = 200
const longestLine = 500
const minuteMs = 60_000

/** What the administrator is told: what, since when, how bad, what to run first, and where to read on. */
export function alertText(
  alert: Alert,
  { message, now }: { message: Message; now: Date },
  settings: TextSettings,
): AlertText {
  const { clock, environment } = settings
  const say = wordsOf(clock.locale)
  const title = say.title(alert)
  const heading = message === 'over' ? `${say.over}: ${title}` : title
  const command = firstCommand(alert)
  const lines =
    message === 'over'
      ? [period(alert, clock)]
      : [...say.detail(alert), lasting(alert, now, clock), say.severity(alert)]
  const known = lines.map((line) => shorten(oneLine(line), longestLine))
  const pointers = [`${say.first}: ${command}`, `${say.runbook}: ${runbookOf(alert.kind)}`]
  const marked = [
    `${say.first}: <code>${escapeHtml(command)}</code>`,
    `${say.runbook}: ${escapeHtml(runbookOf(alert.kind))}`,
  ]
  const subject = shorten(oneLine(`[${environment ?? 'fleet'}] ${heading}`), longestSubject)
  return {
    subject,
    text: [...known, ...(message === 'over' ? [] : pointers)].join('\n'),
    html: [`<b>${escapeHtml(subject)}</b>`, ...known.map(escapeHtml), ...(message === 'over' ? [] : marked)].join('\n'),
  }
}

function firstCommand({ kind, subject }: Alert): string {
  if (kind === 'failure-share-too-high' && subject !== 'email')
    return 'fleet notification list --status failed --since 1h'
  return firstCommands[kind]
}

function lasting({ noticedAt }: Alert, now: Date, clock: LocalClock): string {
  const say = wordsOf(clock.locale)
  return `${say.since} ${localTime(noticedAt, clock)}, ${minutesBetween(noticedAt, now)} ${say.minutes}`
}

function period({ noticedAt, clearSince, overAt }: Alert, clock: LocalClock): string {
  const say = wordsOf(clock.locale)
  const end = clearSince ?? overAt ?? noticedAt
  return `${say.since} ${localTime(noticedAt, clock)} ${say.until} ${localTime(end, clock)}, ${minutesBetween(noticedAt, end)} ${say.minutes}`
}

function minutesBetween(from: Date, to: Date): number {
  return Math.max(0, Math.floor((to.getTime() - from.getTime()) / minuteMs))
}

function localTime(time: Date, clock: LocalClock): string {
  const instant = parseInstant(time.toISOString())
  if (!instant) throw new RangeError(`no time: ${String(time)}`)
  return formatLocalTime(instant, clock)
}

import { databaseNow } from '../../ops/clock.ts'
import type { MailAttempt } from '../../ops/mail-history.ts'
import { type MailBody, type MailDetails, type MailRecipient, showMail, showMailBody } from '../../ops/show-mail.ts'
import type { Answer } from '../answer.ts'
import { renderHistory, type ShownAttempt } from '../history.ts'
import { mailWords, unknownMessages } from '../message-words.ts'
import { printable, printableLines } from '../printable.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, renderFacts, renderTable } from '../table.ts'
import { formatExactTime } from '../times.ts'
import { formatCount, paintStatus } from '../words.ts'

export interface ShowOptions {
  readonly body?: boolean
}

export async function showOneMail(session: Session, id: number, options: ShowOptions): Promise<Answer> {
  const db = await session.openDatabase()
  const mail = await showMail(db, id)
  if (mail === undefined) throw unknownMessages(mailWords, [id])
  const body = options.body === true ? await showMailBody(db, id) : undefined
  const now = await databaseNow(db)
  return {
    document: { ...mail, ...(body && { body }) },
    text: (screen) =>
      renderMail(mail, { screen, now }) + (body ? renderBody(body, { screen, erasedAt: mail.erasedAt, now }) : ''),
  }
}

function renderMail(mail: MailDetails, { screen, now }: { screen: Screen; now: Date }): string {
  const status = paintStatus(mail.status, screen)(printable(mail.status))
  const known = facts(mail, now).filter((fact) => fact !== undefined)
  const place = mail.archivedAt ? ' (archived)' : ''
  const title = `${screen.colors.bold(`Mail ${mail.id}`)}  ${status}${place}\n`
  return `${title}\n${renderFacts(known, screen)}\n${renderRecipients(mail.recipients, screen)}${renderHistory(mail.history.map(toShownAttempt), { screen, now })}`
}

function toShownAttempt(attempt: MailAttempt): ShownAttempt {
  const { smtpCode, enhancedCode } = attempt
  const codes = [smtpCode, enhancedCode].filter((code) => code !== null)
  return { ...attempt, codes: smtpCode === null ? null : codes.join(' ') }
}

type Fact = readonly [title: string, value: string] | undefined

function facts(mail: MailDetails, now: Date): Fact[] {
  const text = (title: string, value: string | null): Fact => (value ? [title, printable(value)] : undefined)
  const time = (title: string, value: Date | null): Fact => (value ? [title, formatExactTime(value, now)] : undefined)
  const isPending = mail.status === 'pending'
  return [
    text('Subject', mail.subject),
    text('Template', mail.template),
    text('Variables', mail.variableNames.join(', ')),
    ['Size', `text ${formatCount(mail.textBytes)} bytes, HTML ${formatCount(mail.htmlBytes)} bytes`],
    ['Priority', String(mail.priority)],
    ['Attempts', `${mail.attempts} of ${mail.maxAttempts}`],
    time('Queued', mail.enqueuedAt),
    time('Scheduled', mail.scheduledAt),
    time(mail.attempts > 0 ? 'Next attempt' : 'Due', isPending ? mail.dueAt : null),
    time('Not after', mail.notAfter),
    time('Sent', mail.sentAt),
    time('Changed', mail.changedAt),
    time('Archived', mail.archivedAt),
    time('Erased', mail.erasedAt),
    text('Message-ID', mail.messageId),
    text('Dedup key', mail.dedupKey),
    text(mail.status === 'sending' ? 'Worker' : 'Last worker', mail.claimedBy),
    time('Lease until', mail.status === 'sending' ? mail.leasedUntil : null),
    text(
      'Handed over',
      mail.handedOverAt &&
        `${formatExactTime(mail.handedOverAt, now)}: a server may have it, its answer is not known yet`,
    ),
    text('When ambiguous', mail.whenAmbiguous),
    mail.rescues > 0 ? ['Workers died', String(mail.rescues)] : undefined,
    text('Error class', mail.errorClass),
    text('Last error', mail.lastError),
    mail.status === 'sent' ? undefined : ['Why', `fleet email why ${mail.id}`],
  ]
}

function renderRecipients(recipients: readonly MailRecipient[], screen: Screen): string {
  if (recipients.length === 0) return 'No recipients.\n'
  const columns = [{ title: 'FIELD' }, { title: 'RECIPIENT' }, { title: 'STATE' }, { title: 'ANSWER' }]
  const rows = recipients.map(({ field, address, name, state, reply }): Cell[] => [
    { text: field },
    { text: name === '' ? address : `${name} <${address}>` },
    { text: state, paint: paintState(state, screen) },
    { text: reply ?? '' },
  ])
  return renderTable(columns, rows, screen)
}

function paintState(state: MailRecipient['state'], { colors }: Screen): (text: string) => string {
  return { accepted: colors.green, refused: colors.red, deferred: colors.yellow, outstanding: colors.dim }[state]
}

function renderBody(
  { text, html, variables }: MailBody,
  { screen, erasedAt, now }: { screen: Screen; erasedAt: Date | null; now: Date },
): string {
  if (erasedAt !== null) return `\nWhat it said was erased: ${formatExactTime(erasedAt, now)}.\n`
  const part = (title: string, content: string) => `\n${screen.colors.bold(title)}\n${printableLines(content)}\n`
  const filled = variables !== null && JSON.stringify(variables) !== '{}'
  return (
    (filled ? part('Variables', JSON.stringify(variables, null, 2)) : '') +
    (text === '' ? '' : part('Text', text)) +
    (html ? part('HTML', html) : '')
  )
}

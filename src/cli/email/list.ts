import { databaseNow } from '../../ops/clock.ts'
import { listMails } from '../../ops/list-mails.ts'
import type { MailSummary } from '../../ops/mail-summary.ts'
import type { Answer } from '../answer.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, renderTable } from '../table.ts'
import { formatTime } from '../times.ts'
import { countOf, paintStatus } from '../words.ts'
import { type MailFilterOptions, toMailFilter } from './filter-options.ts'

const defaultLimit = 20

export async function showMails(session: Session, options: MailFilterOptions): Promise<Answer> {
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const filter = toMailFilter(options, now)
  const limit = options.limit ?? defaultLimit
  const found = await session.progress('Looking for mails', () => listMails(db, filter, limit + 1))
  const mails = found.slice(0, limit)
  if (found.length > limit && options.limit === undefined) {
    session.say(`Only the latest ${countOf(limit, 'mail')}; --limit shows more.`)
  }
  return {
    document: { mails },
    text: (screen) => (mails.length === 0 ? 'No mail.' : renderMails(mails, { screen, now })),
  }
}

function renderMails(mails: readonly MailSummary[], { screen, now }: { screen: Screen; now: Date }): string {
  const columns = [
    { title: 'ID', align: 'right' as const },
    { title: 'STATUS' },
    { title: 'PRIO', align: 'right' as const },
    { title: 'TO' },
    { title: 'SUBJECT' },
    { title: 'TRIES' },
    { title: 'WHEN' },
    { title: 'ERROR' },
  ]
  const rows = mails.map((mail): Cell[] => [
    { text: String(mail.id) },
    { text: mail.archivedAt ? `${mail.status} (archived)` : mail.status, paint: paintStatus(mail.status, screen) },
    { text: String(mail.priority) },
    { text: mail.to },
    { text: mail.erasedAt ? '(erased)' : mail.subject },
    { text: `${mail.attempts}/${mail.maxAttempts}` },
    { text: formatTime(timeOf(mail), { now, screen }) },
    { text: [mail.errorClass, mail.lastError].filter((part) => part).join(': ') },
  ])
  return renderTable(columns, rows, screen)
}

/** The time that matters most in this status. */
function timeOf(mail: MailSummary): Date | null {
  if (mail.status === 'sent') return mail.sentAt ?? mail.changedAt
  return mail.status === 'pending' ? mail.dueAt : mail.changedAt
}

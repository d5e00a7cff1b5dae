import { escapeHtml } from '../email/escape-html.ts'
import { formatLocalTime, type LocalClock, parseInstant } from '../email/local-time.ts'
import type { DigestWindow, Trouble } from './daily-digest-store.ts'

export interface DigestText {
  readonly subject: string
  /** With Telegram's markup. */
  readonly message: string
}

/** What is told of; the rest is counted. */
const linesAtMost = 20

const words = {
  ru: {
    notices: 'Не доставлено уведомлений',
    mails: 'писем',
    from: 'С',
    until: 'до',
    failed: 'не удалось',
    skipped: 'пропущено',
    held: 'задержано',
    mail: 'письма без уведомлений',
    more: 'и ещё',
    rest: 'Остальное, сообщений',
    otherwise: 'дошло иначе',
    lookUp: 'Подробнее',
  },
  en: {
    notices: 'Notices not delivered',
    mails: 'mails',
    from: 'From',
    until: 'to',
    failed: 'failed',
    skipped: 'skipped',
    held: 'held',
    mail: 'mails of no notice',
    more: 'and more:',
    rest: 'The rest, messages',
    otherwise: 'got through another way',
    lookUp: 'More',
  },
} as const

/** Says what did not get through: how much, and of each kind the channel, what became of it, an example of the reason, and whom it met. */
export function digestText(trouble: readonly Trouble[], window: DigestWindow, clock: LocalClock): DigestText {
  const say = words[clock.locale]
  const mails = sum(trouble.filter(({ channel }) => channel === 'mail'))
  const notices = sum(trouble) - mails
  const subject = `${say.notices}: ${notices}${mails > 0 ? `, ${say.mails}: ${mails}` : ''}`
  const period = `${say.from} ${localTime(window.since, clock)} ${say.until} ${localTime(window.until, clock)}`
  const told = trouble.slice(0, linesAtMost).map((kind) => describe(kind, say))
  const rest = sum(trouble.slice(linesAtMost))
  const lookUp = [...(notices > 0 ? ['notification'] : []), ...(mails > 0 ? ['email'] : [])].map(
    (queue) => `<code>fleet ${queue} list --since ${window.since.toISOString()}</code>`,
  )
  return {
    subject,
    message: [
      period,
      ...told,
      ...(rest > 0 ? [`${say.rest}: ${rest}`] : []),
      [`${say.lookUp}:`, ...lookUp].join('\n'),
    ].join('\n\n'),
  }
}

function describe(trouble: Trouble, say: (typeof words)['ru' | 'en']): string {
  const { channel, status, errorClass, count, fallbacks, example, companies, companyCount } = trouble
  const name = channel === 'mail' ? say.mail : channel
  const kind = errorClass ? ` (${escapeHtml(errorClass)})` : ''
  const otherwise = fallbacks > 0 ? `, ${say.otherwise}: ${fallbacks}` : ''
  const head = `<b>${escapeHtml(name)}, ${say[status]}: ${count}</b>${kind}${otherwise}`
  const others = companyCount - companies.length
  const whom = companies.length === 0 ? [] : [companies.join(', ') + (others > 0 ? ` ${say.more} ${others}` : '')]
  return [head, ...[...(example ? [example] : []), ...whom].map(escapeHtml)].join('\n')
}

function sum(trouble: readonly Trouble[]): number {
  return trouble.reduce((total, { count }) => total + count, 0)
}

function localTime(time: Date, clock: LocalClock): string {
  const instant = parseInstant(time.toISOString())
  if (!instant) throw new RangeError(`no time: ${String(time)}`)
  return formatLocalTime(instant, clock)
}

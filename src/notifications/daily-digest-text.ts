import { escapeHtml } from '../email/escape-html.ts'
import { formatLocalTime, type LocalClock, parseInstant } from '../email/local-time.ts'
import type { DigestWindow, Trouble, UntoldEnds } from './daily-digest-store.ts'

/** What there is to tell, the most frequent of each first. */
export interface DigestFacts {
  readonly trouble: readonly Trouble[]
  readonly untold: readonly UntoldEnds[]
}

export interface DigestText {
  readonly subject: string
  /** With Telegram's markup. */
  readonly message: string
}

/** What is told of, of each; the rest is counted. */
const linesAtMost = 20

const words = {
  ru: {
    notices: 'Не доставлено уведомлений',
    mails: 'писем',
    ends: 'Некому сообщить о сроках',
    andEnds: 'некому сообщить о сроках',
    from: 'С',
    until: 'до',
    failed: 'не удалось',
    skipped: 'пропущено',
    held: 'задержано',
    mail: 'письма без уведомлений',
    nobody: 'Некому сообщить о сроке подписки',
    untold: 'Не сообщили о сроке подписки',
    counted: {
      projects: ['проект', 'проекта', 'проектов'],
      portraits: ['портрет', 'портрета', 'портретов'],
      companies: ['компания', 'компании', 'компаний'],
      orders: ['заказ', 'заказа', 'заказов'],
    },
    more: 'и ещё',
    rest: 'Остальное, сообщений',
    otherwise: 'дошло иначе',
    lookUp: 'Подробнее',
  },
  en: {
    notices: 'Notices not delivered',
    mails: 'mails',
    ends: 'Nobody to tell about ends',
    andEnds: 'nobody to tell about ends',
    from: 'From',
    until: 'to',
    failed: 'failed',
    skipped: 'skipped',
    held: 'held',
    mail: 'mails of no notice',
    nobody: 'Nobody to tell about the end',
    untold: 'Not told about the end',
    counted: {
      projects: ['project', 'projects', 'projects'],
      portraits: ['portrait', 'portraits', 'portraits'],
      companies: ['company', 'companies', 'companies'],
      orders: ['order', 'orders', 'orders'],
    },
    more: 'and more:',
    rest: 'The rest, messages',
    otherwise: 'got through another way',
    lookUp: 'More',
  },
} as const

type Words = (typeof words)['ru' | 'en']

/**
 * Says what did not get through: how much, and of each kind the channel, what became of it, an example of the reason, and whom it met. Then
 * whose ends of subscriptions nobody could be told of.
 */
export function digestText({ trouble, untold }: DigestFacts, window: DigestWindow, clock: LocalClock): DigestText {
  const say = words[clock.locale]
  const mails = sum(trouble.filter(({ channel }) => channel === 'mail'))
  const notices = sum(trouble) - mails
  const rules = new Intl.PluralRules(clock.locale)
  const rest = sum(trouble.slice(linesAtMost)) + sum(untold.slice(linesAtMost))
  const lookUp = [...(notices > 0 ? ['notification'] : []), ...(mails > 0 ? ['email'] : [])].map(
    (queue) => `<code>fleet ${queue} list --since ${window.since.toISOString()}</code>`,
  )
  return {
    subject: subjectOf({ notices, mails, ends: sum(untold) }, say),
    message: [
      `${say.from} ${localTime(window.since, clock)} ${say.until} ${localTime(window.until, clock)}`,
      ...trouble.slice(0, linesAtMost).map((kind) => describe(kind, say)),
      ...untold.slice(0, linesAtMost).map((kind) => describeEnds(kind, say, rules)),
      ...(rest > 0 ? [`${say.rest}: ${rest}`] : []),
      ...(lookUp.length > 0 ? [[`${say.lookUp}:`, ...lookUp].join('\n')] : []),
    ].join('\n\n'),
  }
}

function subjectOf(count: { notices: number; mails: number; ends: number }, say: Words): string {
  const { notices, mails, ends } = count
  if (notices + mails === 0) return `${say.ends}: ${ends}`
  const undelivered = `${say.notices}: ${notices}${mails > 0 ? `, ${say.mails}: ${mails}` : ''}`
  return ends > 0 ? `${undelivered}; ${say.andEnds}: ${ends}` : undelivered
}

function describe(trouble: Trouble, say: Words): string {
  const { channel, status, errorClass, count, fallbacks, example } = trouble
  const name = channel === 'mail' ? say.mail : channel
  const kind = errorClass ? ` (${escapeHtml(errorClass)})` : ''
  const otherwise = fallbacks > 0 ? `, ${say.otherwise}: ${fallbacks}` : ''
  const head = `<b>${escapeHtml(name)}, ${say[status]}: ${count}</b>${kind}${otherwise}`
  return [head, ...(example ? [escapeHtml(example)] : []), ...namesOf(trouble, say)].join('\n')
}

function describeEnds(ends: UntoldEnds, say: Words, rules: Intl.PluralRules): string {
  const { entityType, stage, reason, count } = ends
  const [one, few, many] = say.counted[entityType]
  const category = rules.select(count)
  const noun = category === 'one' ? one : category === 'few' ? few : many
  const isNobody = reason === 'nobody_to_tell'
  const why = [stage, ...(isNobody || reason === null ? [] : [reason])].map(escapeHtml).join(', ')
  return [`<b>${isNobody ? say.nobody : say.untold}: ${count} ${noun}</b> (${why})`, ...namesOf(ends, say)].join('\n')
}

/** In a line; none where no company is known. */
function namesOf({ companies, companyCount }: Pick<Trouble, 'companies' | 'companyCount'>, say: Words): string[] {
  const others = companyCount - companies.length
  if (companies.length === 0) return []
  return [escapeHtml(companies.join(', ') + (others > 0 ? ` ${say.more} ${others}` : ''))]
}

function sum(kinds: readonly { readonly count: number }[]): number {
  return kinds.reduce((total, { count }) => total + count, 0)
}

function localTime(time: Date, clock: LocalClock): string {
  const instant = parseInstant(time.toISOString())
  if (!instant) throw new RangeError(`no time: ${String(time)}`)
  return formatLocalTime(instant, clock)
}

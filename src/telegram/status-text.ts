import { DateTime, IANAZone } from 'luxon'
import { formatLocalTime } from '../email/local-time.ts'
import type { Locale } from '../email/locale.ts'
import { escapeMarkup } from './markup.ts'
import type { CompanySubscriptions, Subscription } from './subscription-store.ts'

/** Projects of a company that are shown; the rest is counted. */
export const mostProjects = 15
/** Of a message that Telegram takes, 4,096 characters, what the count of the rest leaves. */
const mostCharacters = 4_000
const longestName = 60

interface Words {
  readonly company: string
  readonly noProjects: string
  readonly portraits: (count: number) => string
  readonly until: (time: string) => string
  readonly endedOn: (time: string) => string
  readonly endless: string
  readonly moreProjects: (count: number) => string
  readonly moreCompanies: (count: number) => string
}

const words: Readonly<Record<Locale, Words>> = {
  ru: {
    company: 'Подписка компании',
    noProjects: 'Активных проектов нет.',
    portraits: (count) => `Портреты (${count}), ближайший срок`,
    until: (time) => `до ${time}`,
    endedOn: (time) => `истекла ${time}`,
    endless: 'без срока',
    moreProjects: (count) => `… и ещё проектов: ${count}`,
    moreCompanies: (count) => `… и ещё компаний: ${count}`,
  },
  en: {
    company: 'Company subscription',
    noProjects: 'No active projects.',
    portraits: (count) => `Portraits (${count}), the first`,
    until: (time) => `until ${time}`,
    endedOn: (time) => `ended ${time}`,
    endless: 'without an end',
    moreProjects: (count) => `… and projects more: ${count}`,
    moreCompanies: (count) => `… and companies more: ${count}`,
  },
}

/** What `/status` answers: one message of HTML, whatever the companies have. Times are local to each company. */
export function statusText(
  companies: readonly CompanySubscriptions[],
  { locale, defaultTimeZone }: { readonly locale: Locale; readonly defaultTimeZone: string },
): string {
  const blocks: string[] = []
  for (const company of companies) {
    const block = describe(company, { locale, timezone: knownZone(company.timezone, defaultTimeZone) })
    if (blocks.length > 0 && [...blocks, block].join('\n\n').length > mostCharacters) break
    blocks.push(block)
  }
  const left = companies.length - blocks.length
  return [...blocks, ...(left > 0 ? [words[locale].moreCompanies(left)] : [])].join('\n\n')
}

interface Clock {
  readonly locale: Locale
  readonly timezone: string
}

function describe(company: CompanySubscriptions, clock: Clock): string {
  const say = words[clock.locale]
  const { projects, projectCount, portraitCount, portraits } = company
  const left = projectCount - projects.length
  return [
    `<b>${shown(company.name)}</b>`,
    `${say.company}: ${term(company, clock)}`,
    ...(projectCount === 0
      ? [say.noProjects]
      : projects.map((project) => `• ${shown(project.name)}: ${term(project, clock)}`)),
    ...(left > 0 ? [say.moreProjects(left)] : []),
    ...(portraitCount > 0 ? [`${say.portraits(portraitCount)}: ${term(portraits, clock)}`] : []),
  ].join('\n')
}

function term({ endsAt, hasEnded }: Subscription, clock: Clock): string {
  const say = words[clock.locale]
  const instant = endsAt === null ? undefined : DateTime.fromJSDate(endsAt)
  if (!instant?.isValid) return say.endless
  const time = formatLocalTime(instant, clock)
  return hasEnded ? say.endedOn(time) : say.until(time)
}

function knownZone(timezone: string | null, defaultTimeZone: string): string {
  const asked = timezone?.trim() ?? ''
  return IANAZone.isValidZone(asked) ? asked : defaultTimeZone
}

function shown(name: string): string {
  const characters = [...name.replace(/\s+/g, ' ').trim()]
  const cut =
    characters.length > longestName ? `${characters.slice(0, longestName - 1).join('')}…` : characters.join('')
  return escapeMarkup(cut)
}

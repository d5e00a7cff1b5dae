import { calendarDays } from '../email/local-time.ts'
import { type Locale, resolveTimeZone } from '../email/locale.ts'
import { oneLine } from '../email/one-line.ts'
import { type Renderer, renderNotice, renderTemplate } from '../email/render.ts'
import { shorten } from '../email/shorten.ts'
import type { EntityType } from './subscription.ts'

/** What a notice about a subscription's end is to say. */
export interface NoticeFacts {
  /** The template of its stage. */
  readonly template: string
  readonly entityType: EntityType
  readonly entityName: string
  readonly companyName: string
  readonly endsAt: Date
  /** When it is read, if all goes well: the opening it is scheduled for, or now. Days are counted from here. */
  readonly toldAt: Date
  readonly autoRenew: boolean
  readonly locale: Locale
  readonly timezone: string
}

/** What a notice says, through every channel. */
export interface NoticeText {
  /** That of the mail, to the letter, up to the 500 characters that `notifications.subject` holds. Says what ends, and on which day. */
  readonly subject: string
  /** Telegram's HTML, escaped. */
  readonly message: string
  /** For `event_data`: the template and all that it takes. */
  readonly variables: Readonly<Record<string, unknown>>
}

/** Why there is no text: the template does not exist, is broken, or wants what is not known. A sentence for an operator that names it. */
export interface NoticeFault {
  readonly fault: string
}

/** How templates call what has an end. */
const entityWords = { projects: 'project', portraits: 'portrait', companies: 'company' } as const

const nameless = { ru: 'без названия', en: 'untitled' } as const

/** The width of `notifications.subject`, in characters. */
const longestSubject = 500

/**
 * The text of one notice in the company's language and time, by its stage's template. A template without a message of its own has that
 * of the fleet's templates. Never throws for what a stage or a name may be, and a fault comes before any mail fails for it.
 */
export const writeNotice = createNoticeWriter({ renderTemplate, renderNotice })

/** The same by other templates, the fleet's own among them. */
export function createNoticeWriter(renderer: Renderer): (facts: NoticeFacts) => NoticeText | NoticeFault {
  const faultOfMail = createMailProof(renderer)

  return (facts) => {
    const variables = variablesOf(facts)
    const render = (templateId: string) => renderer.renderNotice({ templateId, variables, defaultLocale: facts.locale })
    const own = render(facts.template)
    if (own.kind === 'refused') return { fault: own.reason }
    const fault = faultOfMail(facts, variables)
    if (fault !== undefined) return { fault }
    const subject = shorten(own.subject, longestSubject)
    if (own.message !== null) return { subject, message: own.message, variables }
    const standard = render(isAhead(facts) ? 'subscription_expiring_7d' : 'subscription_expired')
    if (standard.kind === 'refused') return { fault: standard.reason }
    return { subject, message: standard.message ?? '', variables }
  }
}

/**
 * Says why no mail can be made of this, though it has a subject. Tried once for each kind of notice, which is all that a mail depends on
 * apart from names and times: a whole mail takes four times as long.
 */
function createMailProof({ renderTemplate }: Renderer) {
  const proven = new Set<string>()

  return (facts: NoticeFacts, variables: NoticeText['variables']): string | undefined => {
    const { template, entityType, locale, autoRenew } = facts
    const kind = [template, entityType, locale, autoRenew, isAhead(facts)].join(' ')
    if (proven.has(kind)) return undefined
    const mail = renderTemplate({ templateId: template, variables, defaultLocale: locale })
    if (mail.kind === 'refused') return mail.reason
    proven.add(kind)
    return undefined
  }
}

function variablesOf(facts: NoticeFacts): Readonly<Record<string, unknown>> {
  const { template, locale, timezone, entityType, endsAt, toldAt, autoRenew } = facts
  return {
    template,
    locale,
    timezone,
    entity_type: entityWords[entityType],
    entity_name: nameOf(facts.entityName, locale),
    company_name: nameOf(facts.companyName, locale),
    ends_at: endsAt.toISOString(),
    auto_renew: autoRenew,
    ...(isAhead(facts) && { days_left: calendarDays({ from: toldAt, until: endsAt }, resolveTimeZone(timezone)) }),
  }
}

function isAhead({ endsAt, toldAt }: NoticeFacts): boolean {
  return toldAt < endsAt
}

function nameOf(name: string, locale: Locale): string {
  return oneLine(name) || nameless[locale]
}

import { luxon } from '../email/late-modules.ts'
import { resolveLocale } from '../email/locale.ts'
import { type Agenda, createAgenda } from './agenda.ts'
import { type NoticeText, writeNotice } from './notice-text.ts'
import { type Circumstances, type Decision, decide, type NoticeDecision } from './policy.ts'
import { administrators, type Recipient, recipientsOf } from './recipients.ts'
import type { SweepSettings } from './settings.ts'
import { type Stage, suspensionName } from './stage.ts'
import type { Subscription } from './subscription.ts'
import type { PlannedMessage, PlannedNotice } from './sweep-result.ts'

/** All that a pass does about one subscription, down to the words. */
export interface Step {
  readonly subscription: Subscription
  readonly decision: Decision
  readonly notices: readonly Notice[]
}

export interface Notice extends PlannedNotice {
  readonly messages: readonly Message[]
}

/** A row of `notifications` to be. */
export interface Message extends PlannedMessage {
  /** Telegram's HTML. */
  readonly message: string
  readonly data: Readonly<Record<string, unknown>>
  readonly notificationType: 'expiry_warning' | 'expired'
  readonly priority: Stage['urgency']
  /** Null for the administrator. */
  readonly companyId: number | null
}

/** What `decide` says about each, with whom it is told, when, and in which words. */
export function stepsOf(
  subscriptions: readonly Subscription[],
  circumstances: Circumstances,
  settings: SweepSettings,
): Step[] {
  const setting = { agenda: createAgenda(circumstances.now, settings), settings }
  return subscriptions.map((subscription) => {
    const decision = decide(subscription, circumstances)
    const notices = decision.notices.map((notice) => noticeOf(subscription, notice, setting))
    return { subscription, decision, notices }
  })
}

interface Setting {
  readonly agenda: Agenda
  readonly settings: SweepSettings
}

function noticeOf(subscription: Subscription, notice: NoticeDecision, { agenda, settings }: Setting): Notice {
  const { stage } = notice
  if (notice.outcome === 'superseded') {
    const { outcome, reason, supersededBy } = notice
    return { stage: stage.name, outcome, reason, supersededBy, messages: [] }
  }
  const nobody = { stage: stage.name, supersededBy: null, messages: [] }
  const isForAdministrator = stage.name === suspensionName
  const recipients = isForAdministrator
    ? administrators(settings, stage.channels)
    : recipientsOf(subscription, stage.channels)
  if (recipients.length === 0)
    return { ...nobody, outcome: 'skipped', reason: isForAdministrator ? 'no_administrator' : 'nobody_to_tell' }
  const place = placeOf(subscription, stage, settings)
  const scheduledAt = isForAdministrator ? null : leavesAt(notice, agenda.now, agenda.nextOpening(place.timezone))
  if (scheduledAt === 'never') return { ...nobody, outcome: 'superseded', reason: 'no_opening' }
  const writing = { subscription, notice, place, scheduledAt, agenda }
  return { ...nobody, outcome: 'sent', reason: null, messages: recipients.map(messageTo(writing)) }
}

/** Where and in which language a notice is read. */
interface Place {
  readonly timezone: string
  readonly locale: 'ru' | 'en'
}

function placeOf({ company }: Subscription, stage: Stage, settings: SweepSettings): Place {
  const { defaultLocale, defaultTimeZone } = settings
  if (stage.name === suspensionName) return { timezone: defaultTimeZone, locale: defaultLocale }
  const timezone = company.timezone?.trim() ?? ''
  return {
    timezone: luxon().IANAZone.create(timezone).isValid ? timezone : defaultTimeZone,
    locale: resolveLocale(company.locale, defaultLocale),
  }
}

/**
 * When sending is next open, null for now. Where the next stage comes before that, the last one before the end does not wait; any
 * other leaves it to the next.
 */
function leavesAt(
  { notAfter, isLastBeforeEnd }: NoticeDecision & { readonly outcome: 'due' },
  now: Date,
  opening: Date,
): Date | null | 'never' {
  if (opening <= now) return null
  if (notAfter === null || opening < notAfter) return opening
  return isLastBeforeEnd ? null : 'never'
}

interface Writing {
  readonly subscription: Subscription
  readonly notice: NoticeDecision & { readonly outcome: 'due' }
  readonly place: Place
  readonly scheduledAt: Date | null
  readonly agenda: Agenda
}

function messageTo({ subscription, notice, place, scheduledAt, agenda }: Writing): (recipient: Recipient) => Message {
  const { stage, notAfter } = notice
  const leaves = scheduledAt ?? agenda.now
  const text = textOf(subscription, stage, { ...place, leaves })
  const isForAdministrator = stage.name === suspensionName
  const group = isForAdministrator ? stage.name : `${stage.name}:${subscription.company.id}`
  return ({ channel, address, data }) => ({
    channel,
    recipient: address,
    subject: text.subject,
    timezone: place.timezone,
    message: text.message,
    data: { ...text.variables, stage: stage.name, ...data },
    notificationType: stage.beforeMs > 0 ? 'expiry_warning' : 'expired',
    priority: stage.urgency,
    groupId: `${group}:${agenda.dayOf(leaves, place.timezone)}`,
    scheduledAt,
    notAfter,
    companyId: isForAdministrator ? null : subscription.company.id,
  })
}

/** Throws where the stage's template can say nothing: all who are due would miss the notice until somebody mends the stage. */
function textOf(subscription: Subscription, stage: Stage, reading: Place & { readonly leaves: Date }): NoticeText {
  const { entityType, entityName, company, endsAt, autoRenew } = subscription
  const { leaves, locale, timezone } = reading
  const text = writeNotice({
    ...{ template: stage.template, entityType, entityName, companyName: company.name },
    ...{ endsAt, toldAt: leaves, autoRenew, locale, timezone },
  })
  if ('fault' in text)
    throw new Error(`fleet.subscription_stages: the stage ${stage.name} cannot be told of: ${text.fault}`)
  return text
}

import { localDay, nextOpening } from '../local-day.ts'
import { day, type End } from '../moments.ts'
import { type Company, companyOf, type Subscription } from '../rows.ts'
import type { Ledger, Message, Notice } from './ledger.ts'
import { beforeOf, type Channel, type Stage, stagesOf, thresholdOf } from './stages.ts'

/** Where the administrator is told of what is suspended. */
export const administrator = { email: 'admin@fleet.example', telegramChatId: '-4242' }

/** After so long nobody is told any more. */
export const longPast = 30 * day

interface Announcement {
  readonly subscription: Subscription
  readonly stage: Stage
  readonly now: number
}

interface Address {
  readonly channel: Channel
  readonly recipient: string | null
  readonly follows: boolean
}

export type Decision = Pick<Notice, 'outcome' | 'reason'> &
  Partial<Pick<Notice, 'supersededBy'>> & { readonly messages?: readonly Omit<Message, 'key'>[] }

/** Tells whoever there is to be told, when it is day there; says so where nobody is there, or no such time is left. */
export function announce(ledger: Ledger, announcement: Announcement): Decision {
  const { subscription, stage } = announcement
  const addresses = addressesOf(ledger, announcement)
  if (addresses.length === 0) return { outcome: 'skipped', reason: 'nobody_to_tell' }
  const scheduledAt = leavingTime(ledger, announcement)
  if (scheduledAt === undefined) return { outcome: 'superseded', reason: 'no_opening' }
  const company = companyTold(ledger, announcement)
  const today = localDay(company?.timezone ?? null, scheduledAt)
  const messages = addresses.map((address) => ({
    ...address,
    companyId: company?.id ?? null,
    projectId: subscription.kind === 'projects' ? subscription.row.id : null,
    notificationType: stage.before > 0 ? ('expiry_warning' as const) : ('expired' as const),
    priority: stage.urgency,
    groupId: [stage.name, company?.id, today].filter(Boolean).join(':'),
    scheduledAt,
    notAfter: nextMoment(announcement),
    status: 'pending',
    needsFallback: false,
    mail: null,
  }))
  return { outcome: 'sent', reason: null, messages }
}

/** All other notices are for customers: neither kind takes the place of the other. */
export function isForAdministrator({ name }: Stage): boolean {
  return name === 'suspended'
}

/** Undefined for what is for the administrator. */
function companyTold(ledger: Ledger, { subscription, stage }: Announcement): Company | undefined {
  return isForAdministrator(stage) ? undefined : ledger.company(companyOf(subscription))
}

function addressesOf(ledger: Ledger, { subscription, stage }: Announcement): Address[] {
  const all = isForAdministrator(stage) ? ofAdministrator() : ofCustomer(ledger, subscription)
  return all.filter(({ channel }) => stage.channels.includes(channel))
}

function ofAdministrator(): Address[] {
  return [
    { channel: 'email', recipient: administrator.email, follows: false },
    { channel: 'telegram', recipient: administrator.telegramChatId, follows: false },
  ]
}

/** A portrait's client by mail alone; else the company, by whatever it has. */
function ofCustomer(ledger: Ledger, subscription: Subscription): Address[] {
  const client = subscription.kind === 'portraits' && ledger.world.clients.get(subscription.row.client_id ?? -1)
  const ofClient = given(client ? client.email : null)
  if (ofClient) return [{ channel: 'email', recipient: ofClient, follows: false }]
  const company = ledger.company(companyOf(subscription))
  const email = given(company.contact_email)
  const chat = given(company.telegram_chat_id)
  return [
    ...(email ? [{ channel: 'email', recipient: email, follows: true } as const] : []),
    ...(chat ? [{ channel: 'telegram', recipient: chat, follows: true } as const] : []),
    { channel: 'system', recipient: null, follows: true },
  ]
}

export function given(text: string | null): string | undefined {
  return text?.trim() || undefined
}

/** Undefined where it would only leave when the next stage has come. The last one before the end leaves then at once. */
function leavingTime(ledger: Ledger, announcement: Announcement): number | undefined {
  const { subscription, stage, now } = announcement
  if (isForAdministrator(stage)) return now
  const opening = nextOpening(ledger.company(companyOf(subscription)).timezone, now)
  const notAfter = nextMoment(announcement)
  if (notAfter === null || opening < notAfter) return opening
  return isLastBeforeEnd(subscription, stage) ? now : undefined
}

function isLastBeforeEnd(subscription: Subscription, stage: Stage): boolean {
  const before = stagesOf(subscription).map((other) => beforeOf(subscription, other))
  return beforeOf(subscription, stage) === Math.min(...before.filter((ms) => ms > 0))
}

/**
 * When the next stage begins that the same people are told of: what the administrator is told does not take the customer's notice away.
 * After the last one it is the moment from which nobody is told of it any more; for the administrator there is none.
 */
function nextMoment({ subscription, stage }: Announcement): End {
  if (isForAdministrator(stage)) return null
  const own = thresholdOf(subscription, stage) ?? 0
  const others = stagesOf(subscription).filter((other) => !isForAdministrator(other))
  const later = others.map((other) => thresholdOf(subscription, other) ?? 0).filter((threshold) => threshold > own)
  return later.length > 0 ? Math.min(...later) : own + longPast
}

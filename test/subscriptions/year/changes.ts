import type { Random } from '../../chaos/random.ts'
import { day, type End, everEnds, hour, minute } from './moments.ts'
import { type Change, type Company, endColumn, endOf, type Subscription } from './rows.ts'
import { clientOfId, companyOfId, contactsOf, onTheClock, warnings, zones } from './scenario.ts'

interface Circumstances {
  readonly random: Random
  readonly now: number
  /** Ends that the subscription had before. */
  readonly earlier: readonly End[]
  /** When somebody last had to do with it. */
  readonly touchedAt: number
  readonly isDeletable: boolean
}

const anchors = [
  30 * day,
  7 * day,
  3 * day,
  36 * hour,
  24 * hour,
  13 * hour,
  2 * hour,
  0,
  -2 * day,
  -3 * day,
  -14 * day,
  -31 * day,
] as const

/** When somebody has to do with a subscription again: often just when a notice about it may be waiting. */
export function nextTouch(random: Random, end: End, now: number): number {
  // A slip is put right soon.
  if (random.chance(0.15)) return now + random.int(1, 120) * minute
  if (everEnds(end) && random.chance(0.6)) {
    const near = onTheClock(random, end - random.pick(anchors) + random.int(-4 * 60, 30 * 60) * minute)
    if (near > now) return near
  }
  return onTheClock(random, now + random.int(10, 150) * day + random.int(0, 24 * 60) * minute)
}

/** What the platform, or somebody at its database, does to a subscription. */
export function changeOf(subscription: Subscription, circumstances: Circumstances): Change {
  const { random, isDeletable } = circumstances
  const { kind: table, row } = subscription
  const isLived = table === 'projects' || table === 'portraits'
  if (isLived && random.chance(0.14)) return { table, id: row.id, set: otherwise(subscription, random) }
  if (isDeletable && random.chance(0.02)) return { table, id: row.id, set: null }
  const set = { [endColumn[table]]: newEnd(subscription, circumstances) }
  return { table, id: row.id, set: isLived && random.chance(0.2) ? { ...set, ...besides(subscription, random) } : set }
}

function newEnd(subscription: Subscription, { random, now, earlier, touchedAt }: Circumstances): End {
  if (now - touchedAt <= 2 * hour && random.chance(0.8)) return earlier.at(-1) ?? null
  const end = endOf(subscription)
  const from = everEnds(end) ? end : now
  const way = random.next()
  if (way < 0.08) return null
  if (way < 0.1) return Number.POSITIVE_INFINITY
  if (way < 0.13) return end
  if (way < 0.3 && earlier.length > 0)
    return earlier[random.int(Math.max(0, earlier.length - 2), earlier.length - 1)] ?? null
  if (way < 0.33) return onTheClock(random, now - random.int(20, 50) * day)
  if (way < 0.4) return onTheClock(random, now + random.int(0, 8) * day)
  const sign = random.chance(0.75) ? 1 : -1
  const shift = random.pick([
    random.int(1, 600) * minute,
    random.int(1, 30) * hour,
    random.int(1, 10) * day,
    7 * day,
    30 * day,
    30 * day,
    90 * day,
    180 * day,
  ])
  return from + sign * shift
}

/** What a program sets in the same UPDATE as the end. */
function besides(subscription: Subscription, random: Random): NonNullable<Change['set']> {
  const isProject = subscription.kind === 'projects'
  return random.pick<NonNullable<Change['set']>>([
    { lifecycle_status: 'active', status: 'active' },
    { lifecycle_status: random.pick(['active', 'expiring', 'expired']) },
    { notified_7d: random.chance(0.5), notified_24h: random.chance(0.5) },
    { notified_7d: false, notified_24h: false, notified_expired: false },
    { notified_expired: true },
    isProject ? { notify_before_expiry_days: random.pick(warnings) } : { status: 'active' },
  ])
}

/** What happens to a subscription that stays as long as it was. */
function otherwise(subscription: Subscription, random: Random): NonNullable<Change['set']> {
  return random.pick<NonNullable<Change['set']>>([
    { status: random.pick(subscription.kind === 'projects' ? ['archived', 'active'] : ['archived', 'inactive']) },
    { status: 'active' },
    { status: 'active' },
    { notified_7d: null, notified_24h: false, notified_expired: false },
    { notified_7d: random.chance(0.5), notified_24h: random.chance(0.5), notified_expired: random.chance(0.3) },
    { lifecycle_status: random.pick(['active', null, 'expired', 'suspended']) },
    { company_id: companyOfId(random) },
    subscription.kind === 'projects'
      ? { notify_before_expiry_days: random.pick(warnings) }
      : { client_id: clientOfId(random) },
  ])
}

/** What happens to a company. */
export function changeOfCompany(company: Company, random: Random): Change {
  const set = random.pick<NonNullable<Change['set']>>([
    { is_active: company.is_active === false ? random.pick([true, null]) : false },
    { is_active: true },
    { ...contactsOf(random, company.id) },
    { ...contactsOf(random, company.id) },
    { timezone: random.pick(zones) },
    { locale: random.pick([null, 'ru', 'en']) },
  ])
  return { table: 'companies', id: company.id, set }
}

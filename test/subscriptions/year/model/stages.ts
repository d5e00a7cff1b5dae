import { day, everEnds, hour } from '../moments.ts'
import { endOf, type Subscription } from '../rows.ts'

export type Channel = 'email' | 'telegram' | 'system'
export type FlagName = 'notified_7d' | 'notified_24h' | 'notified_expired'

export interface Stage {
  readonly name: string
  readonly before: number
  readonly channels: readonly Channel[]
  readonly urgency: string
  readonly flag?: FlagName
}

const both = ['email', 'telegram'] as const

/** The four that are there, and two that are configured; the least urgent first. */
export const stages: readonly Stage[] = [
  { name: '30d', before: 30 * day, channels: ['email'], urgency: 'low' },
  { name: '7d', before: 7 * day, channels: both, urgency: 'normal', flag: 'notified_7d' },
  { name: '24h', before: 24 * hour, channels: both, urgency: 'normal', flag: 'notified_24h' },
  { name: 'expired', before: 0, channels: both, urgency: 'normal', flag: 'notified_expired' },
  { name: '3d_after', before: -3 * day, channels: ['email', 'telegram', 'system'], urgency: 'high' },
  { name: 'suspended', before: -14 * day, channels: both, urgency: 'normal' },
]

/** Those that a subscription of this kind has, whatever its status. */
export function stagesOf({ kind }: Subscription): readonly Stage[] {
  switch (kind) {
    case 'orders':
      return stages.filter(({ name }) => name === 'expired')
    case 'companies':
      return stages.filter(({ name }) => name !== 'suspended')
    default:
      return stages
  }
}

/** Of those, what somebody looks at while the row is in its status. */
export function stagesInView(subscription: Subscription, now: number): readonly Stage[] {
  const all = stagesOf(subscription)
  const { kind, row } = subscription
  if (kind === 'portraits') return row.status === 'active' ? all : []
  if (kind !== 'projects') return all
  if (row.status === 'active') return all
  const end = endOf(subscription)
  return row.status === 'expired' && everEnds(end) && end <= now ? all : []
}

/** Projects and portraits remember the three of the specification themselves. */
export function flagOf({ kind }: Subscription, stage: Stage): FlagName | undefined {
  return kind === 'projects' || kind === 'portraits' ? stage.flag : undefined
}

export function isFlagged({ row }: Subscription, flag: FlagName): boolean {
  return flag in row && (row as Record<FlagName, boolean | null>)[flag] === true
}

/** How long before the end, for this subscription. */
export function beforeOf({ kind, row }: Subscription, stage: Stage): number {
  if (kind !== 'projects' || stage.name !== '7d') return stage.before
  return Math.min(3_650, Math.max(0, row.notify_before_expiry_days ?? 7)) * day
}

/** Undefined where the subscription never ends. */
export function thresholdOf(subscription: Subscription, stage: Stage): number | undefined {
  const end = endOf(subscription)
  return everEnds(end) ? end - beforeOf(subscription, stage) : undefined
}

export function holds(subscription: Subscription, stage: Stage, now: number): boolean {
  const threshold = thresholdOf(subscription, stage)
  return threshold !== undefined && threshold <= now
}

export function stageNamed(name: string): Stage {
  const found = stages.find((stage) => stage.name === name)
  if (!found) throw new Error(`There is no stage ${name}`)
  return found
}

/** Names the subscription in the ledger. */
export function nameOf(subscription: Subscription): string {
  return `${subscription.kind} ${subscription.row.id}`
}

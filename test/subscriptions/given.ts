import type { Circumstances } from '../../src/subscriptions/policy.ts'
import type { Stage } from '../../src/subscriptions/stage.ts'
import type { Subscription } from '../../src/subscriptions/subscription.ts'

const dayMs = 24 * 60 * 60 * 1_000
const now = new Date('2026-03-10T12:00:00Z')

/** A stage so many days before the end. */
export const stage = (name: string, days: number): Stage => ({
  ...{ name, beforeMs: days * dayMs, template: 'subscription_expired', channels: ['email'], urgency: 'normal' },
})
const chain = [stage('7d', 7), stage('24h', 1), stage('expired', 0)]
export const circumstances: Circumstances = {
  now,
  stages: { chain, suspension: stage('suspended', -14) },
  longPastMs: 30 * dayMs,
  baseline: false,
}

/** A subscription, in short. */
export interface Given {
  /** Days from now. */
  readonly end: number
  readonly told?: readonly string[]
  readonly decided?: readonly string[]
  readonly state?: string | null
  readonly status?: string
  readonly kind?: Subscription['entityType']
  readonly warnDays?: number
}

/** Of a company in Moscow that has an address. */
export function subscription({ end, told = [], decided = [], ...rest }: Given): Subscription {
  const { state = 'active', status = 'active', kind = 'projects', warnDays = 7 } = rest
  const endsAt = new Date(now.getTime() + end * dayMs)
  return {
    ...{ entityType: kind, entityId: 1, entityName: 'Hall', endsAt, end: endsAt.toISOString(), autoRenew: false },
    warnAt: new Date(endsAt.getTime() - warnDays * dayMs),
    flags:
      kind === 'companies'
        ? null
        : { '7d': told.includes('7d'), '24h': told.includes('24h'), expired: told.includes('expired') },
    states: kind === 'companies' ? null : { lifecycleStatus: state, status },
    decided,
    company: {
      id: 1,
      name: 'Acme',
      timezone: null,
      locale: null,
      email: 'a@acme.example',
      telegram: null,
      phone: null,
    },
    clientEmail: null,
  }
}

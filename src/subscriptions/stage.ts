import type { ChannelName } from '../notifications/notice.ts'

/** When somebody is told about the end of a subscription: a row of `fleet.subscription_stages`. */
export interface Stage {
  readonly name: string
  /** How long before the end; negative for after it. */
  readonly beforeMs: number
  /** Of `src/email/templates/`. */
  readonly template: string
  readonly channels: readonly ChannelName[]
  /** `notifications.priority`. */
  readonly urgency: 'urgent' | 'high' | 'normal' | 'low'
}

/** The stages, as a pass has read them. */
export interface Stages {
  /** Those that the customer is told of. */
  readonly chain: readonly Stage[]
  /** The one at which the grace period is over; the administrator is told. */
  readonly suspension: Stage
}

/** The stages of the specification, with the columns that say they are done. All others are tracked in the ledger alone. */
export const flagOfStage = { '7d': 'notified_7d', '24h': 'notified_24h', expired: 'notified_expired' } as const

export type FlaggedStage = keyof typeof flagOfStage

export function isFlagged(stage: string): stage is FlaggedStage {
  return Object.hasOwn(flagOfStage, stage)
}

export const suspensionName = 'suspended'

import type { FlaggedStage } from './stage.ts'

/** What has an end that somebody is told about, as the ledger and the specification's view name it. */
export type EntityType = 'projects' | 'portraits' | 'companies'

/** The words of `lifecycle_status`, in their order. */
export const lifecycleStates = ['active', 'expiring', 'expired', 'suspended'] as const

export type LifecycleState = (typeof lifecycleStates)[number]

/** A subscription with all that a decision about it depends on. */
export interface Subscription {
  readonly entityType: EntityType
  readonly entityId: number
  readonly entityName: string
  readonly endsAt: Date
  /** The same as PostgreSQL writes it, to the microsecond: the ledger's key. */
  readonly end: string
  /** When the 7-day stage is due: a project may say another number of days. */
  readonly warnAt: Date
  /** Null for what has no such columns. */
  readonly flags: Readonly<Record<FlaggedStage, boolean>> | null
  /** Null for what has no states; otherwise as the row has it. */
  readonly states: { readonly lifecycleStatus: string | null; readonly status: string | null } | null
  readonly autoRenew: boolean
  /** Of this end, the stages that the ledger has as decided. */
  readonly decided: readonly string[]
  readonly company: SubscribingCompany
  /** Whom the portrait was made for, where that is somebody to write to. */
  readonly clientEmail: string | null
}

export interface SubscribingCompany {
  readonly id: number
  readonly name: string
  readonly timezone: string | null
  readonly locale: string | null
  readonly email: string | null
  readonly telegram: string | null
  readonly phone: string | null
}

import type { ChannelName } from '../notifications/notice.ts'
import type { NoticeReason } from './policy.ts'
import type { EntityType, LifecycleState } from './subscription.ts'

/** How many of each a pass has changed, or would change. */
export interface SweepCounts {
  /** Notices that somebody gets. */
  readonly notices: number
  /** Those that a more urgent one has overtaken, or whose moment is long past. */
  readonly superseded: number
  /** Those that nobody can get. */
  readonly skipped: number
  /** Changes of `lifecycle_status` and `projects.status`. */
  readonly states: number
  /** Orders whose end was written down. */
  readonly recorded: number
}

/** What came of a pass. */
export type SweepResult =
  | {
      readonly kind: 'done'
      readonly sweepId: string
      readonly counts: SweepCounts
      /** Rows that others have locked: for the next pass. */
      readonly left: number
      /** Rows that could not be written; the log says why. */
      readonly failed: number
    }
  /** It would have changed more than `limit` allows, so it has changed nothing. */
  | { readonly kind: 'flood'; readonly counts: SweepCounts; readonly changes: number; readonly limit: number }
  /** The clocks of the database and of this host are too far apart. */
  | { readonly kind: 'clock'; readonly differenceMs: number }
  | { readonly kind: 'interrupted'; readonly counts: SweepCounts }

/** What a pass would do about one subscription. */
export interface PlannedStep {
  readonly entityType: EntityType
  readonly entityId: number
  readonly entityName: string
  readonly companyId: number
  readonly companyName: string
  readonly endsAt: Date
  readonly notices: readonly PlannedNotice[]
  /** Null where it stays as it is. */
  readonly lifecycleStatus: { readonly from: LifecycleState; readonly to: LifecycleState } | null
  readonly expiresProject: boolean
}

export interface PlannedNotice {
  readonly stage: string
  readonly outcome: 'sent' | 'superseded' | 'skipped'
  /** Null where somebody is told. */
  readonly reason: NoticeReason | null
  readonly supersededBy: string | null
  readonly messages: readonly PlannedMessage[]
}

export interface PlannedMessage {
  readonly channel: ChannelName
  /** Address, chat id or phone number; null in the application. */
  readonly recipient: string | null
  readonly subject: string
  /** Where it is read: IANA's name. */
  readonly timezone: string
  readonly groupId: string
  /** Null for at once. */
  readonly scheduledAt: Date | null
  readonly notAfter: Date | null
}

export interface SweepPlan {
  readonly at: Date
  readonly steps: readonly PlannedStep[]
  readonly counts: SweepCounts
  readonly changes: number
  readonly limit: number
}

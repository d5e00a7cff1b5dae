import { type FlaggedStage, isFlagged, type Stage, type Stages } from './stage.ts'
import { type LifecycleState, lifecycleStates, type Subscription } from './subscription.ts'

/** What is to be done about a subscription; each part may be empty. */
export interface Decision {
  readonly notices: readonly NoticeDecision[]
  /** The flags that become true. */
  readonly flags: readonly FlaggedStage[]
  /** Null where it stays. */
  readonly lifecycleStatus: { readonly from: LifecycleState; readonly to: LifecycleState } | null
  /** A project becomes expired, and its AR content inactive. */
  readonly expiresProject: boolean
}

/** Why nobody is told. */
export type NoticeReason = 'overtaken' | 'long_past' | 'no_opening' | 'nobody_to_tell' | 'no_administrator' | 'baseline'

export type NoticeDecision =
  | {
      readonly stage: Stage
      readonly outcome: 'due'
      /** When the next stage takes over. */
      readonly notAfter: Date | null
      /** No later stage comes before the end. */
      readonly isLastBeforeEnd: boolean
    }
  | {
      readonly stage: Stage
      readonly outcome: 'superseded'
      readonly reason: NoticeReason
      readonly supersededBy: string | null
    }

export interface Circumstances {
  readonly now: Date
  readonly stages: Stages
  readonly longPastMs: number
  /** What is past is marked as known; nobody is told. */
  readonly baseline: boolean
}

const nothing: Decision = { notices: [], flags: [], lifecycleStatus: null, expiresProject: false }

/** A stage with the moment at which it is due. */
interface Moment {
  readonly stage: Stage
  readonly at: number
}

/**
 * Decides what is due for a subscription: thresholds that are crossed and not yet dealt with, never dates that equal. Of several stages
 * the most urgent is announced; those it overtakes are superseded, as is one whose moment is long past.
 */
export function decide(subscription: Subscription, circumstances: Circumstances): Decision {
  // Somebody has ended it before its time.
  if (subscription.states?.status === 'expired' && subscription.endsAt > circumstances.now) return nothing
  const chain = chainOf(subscription, circumstances.stages.chain)
  const states = moveOn(subscription, circumstances)
  const suspended = states.lifecycleStatus?.to === 'suspended' ? decideSuspension(subscription, circumstances) : []
  return {
    notices: [...decideChain(subscription, chain, circumstances), ...suspended],
    flags: unsetFlags(subscription, chain, circumstances),
    ...states,
  }
}

/** When the next stage comes, the suspension included; undefined where none does. */
export function nextMoment(subscription: Subscription, { now, stages }: Circumstances): Date | undefined {
  const chain = chainOf(subscription, stages.chain).filter(({ stage }) => !isDealtWith(subscription, stage))
  const suspension = subscription.endsAt.getTime() - stages.suspension.beforeMs
  const moments = [...chain.map(({ at }) => at), ...(subscription.states === null ? [] : [suspension])]
  const coming = moments.filter((at) => at > now.getTime())
  return coming.length === 0 ? undefined : new Date(Math.min(...coming))
}

/** By urgency: the nearer to the end, or the longer after it, the later. */
function chainOf({ endsAt, warnAt }: Subscription, stages: readonly Stage[]): Moment[] {
  return stages
    .map((stage) => ({ stage, at: stage.name === '7d' ? warnAt.getTime() : endsAt.getTime() - stage.beforeMs }))
    .toSorted((a, b) => a.at - b.at || b.stage.beforeMs - a.stage.beforeMs)
}

function decideChain(subscription: Subscription, chain: readonly Moment[], circumstances: Circumstances) {
  const crossed = chain.filter(({ at }) => at <= circumstances.now.getTime())
  const due = crossed.filter((moment) => isDue(subscription, moment, circumstances))
  const last = crossed.findLast((moment) => due.includes(moment) || isDealtWith(subscription, moment.stage))
  return due.map((moment): NoticeDecision => {
    const { stage } = moment
    const superseded = { stage, outcome: 'superseded', supersededBy: null } as const
    if (circumstances.baseline) return { ...superseded, reason: 'baseline' }
    if (isLongPast(moment.at, subscription, circumstances)) return { ...superseded, reason: 'long_past' }
    if (moment !== last) return { ...superseded, reason: 'overtaken', supersededBy: last?.stage.name ?? null }
    return announce(moment, chain, { endsAt: subscription.endsAt, circumstances })
  })
}

function announce(
  { stage, at }: Moment,
  chain: readonly Moment[],
  { endsAt, circumstances }: { readonly endsAt: Date; readonly circumstances: Circumstances },
): NoticeDecision {
  const next = chain.find((other) => other.at > Math.max(at, circumstances.now.getTime()))
  const end = endsAt.getTime()
  return {
    stage,
    outcome: 'due',
    notAfter: new Date(next?.at ?? Math.max(at, end) + circumstances.longPastMs),
    isLastBeforeEnd: at < end && (next === undefined || next.at >= end),
  }
}

/** What has no flag is not looked for longer than somebody would be told. */
function isDue(subscription: Subscription, { stage, at }: Moment, { now, longPastMs }: Circumstances): boolean {
  if (isDealtWith(subscription, stage)) return false
  const hasFlag = subscription.flags !== null && isFlagged(stage.name)
  return hasFlag || at > now.getTime() - longPastMs
}

function isDealtWith({ flags, decided }: Subscription, { name }: Stage): boolean {
  return decided.includes(name) || (flags !== null && isFlagged(name) && flags[name])
}

function isLongPast(at: number, { endsAt }: Subscription, { now, longPastMs }: Circumstances): boolean {
  return now.getTime() - Math.max(at, endsAt.getTime()) > longPastMs
}

/** Also where the ledger knows the stage already, and somebody has taken the flag back. */
function unsetFlags({ flags }: Subscription, chain: readonly Moment[], { now }: Circumstances): FlaggedStage[] {
  if (flags === null) return []
  return chain
    .filter(({ at }) => at <= now.getTime())
    .map(({ stage }) => stage.name)
    .filter(isFlagged)
    .filter((name) => !flags[name])
}

/** Only forward, and only from a word of ours: another one is another program's decision. */
function moveOn(
  { states, entityType, endsAt, warnAt }: Subscription,
  { now, stages }: Circumstances,
): Pick<Decision, 'lifecycleStatus' | 'expiresProject'> {
  if (states === null) return { lifecycleStatus: null, expiresProject: false }
  const end = endsAt.getTime()
  const since: Record<LifecycleState, number> = {
    active: Number.NEGATIVE_INFINITY,
    expiring: warnAt.getTime(),
    expired: end,
    suspended: end - stages.suspension.beforeMs,
  }
  const from = lifecycleStates.find((state) => state === (states.lifecycleStatus ?? 'active'))
  const to = lifecycleStates.findLast((state) => since[state] <= now.getTime()) ?? 'active'
  const moves = from !== undefined && lifecycleStates.indexOf(to) > lifecycleStates.indexOf(from)
  return {
    lifecycleStatus: moves ? { from, to } : null,
    expiresProject: entityType === 'projects' && states.status === 'active' && end <= now.getTime(),
  }
}

function decideSuspension(subscription: Subscription, circumstances: Circumstances): NoticeDecision[] {
  const stage = circumstances.stages.suspension
  if (subscription.decided.includes(stage.name)) return []
  const superseded = { stage, outcome: 'superseded', supersededBy: null } as const
  if (circumstances.baseline) return [{ ...superseded, reason: 'baseline' }]
  const at = subscription.endsAt.getTime() - stage.beforeMs
  if (isLongPast(at, subscription, circumstances)) return [{ ...superseded, reason: 'long_past' }]
  return [{ stage, outcome: 'due', notAfter: null, isLastBeforeEnd: false }]
}

import { everEnds } from '../moments.ts'
import { companyOf, endOf, type Subscription, subscriptionsOf } from '../rows.ts'
import { announce, type Decision, isForAdministrator, longPast } from './announcement.ts'
import type { Ledger, Notice } from './ledger.ts'
import { beforeOf, flagOf, holds, isFlagged, nameOf, type Stage, stagesInView, thresholdOf } from './stages.ts'
import { advance, isToBeSuspended, nextState } from './states.ts'

/** What a pass does at this moment, as the issue says it. */
export function sweep(ledger: Ledger, now: number): void {
  for (const subscription of subscriptionsOf(ledger.world)) {
    if (ledger.company(companyOf(subscription)).is_active === false || !everEnds(endOf(subscription))) continue
    review(ledger, subscription, now)
  }
}

function review(ledger: Ledger, subscription: Subscription, now: number): void {
  const inView = stagesInView(subscription, now)
  const crossed = byUrgency(
    subscription,
    inView.filter((stage) => holds(subscription, stage, now)),
  )
  const due = lookedFor(
    subscription,
    crossed.filter((stage) => isDue(ledger, subscription, stage, now)),
    { inView, now },
  )
  const fresh = due.filter((stage) => !standing(ledger, subscription, stage))
  const told = crossed.filter((stage) => fresh.includes(stage) || isSettled(ledger, subscription, stage))
  for (const stage of fresh) {
    const question = { subscription, stage, now }
    const lead = told.find((other) => isForAdministrator(other) === isForAdministrator(stage))
    write(ledger, question, decide(ledger, { ...question, lead }))
  }
  for (const stage of due) raiseFlag(ledger, subscription, stage)
  advance(ledger, subscription, { inView, now })
}

/** The most urgent first: what comes closest to the end, or longest after it. */
function byUrgency(subscription: Subscription, stages: readonly Stage[]): Stage[] {
  return stages.toSorted((a, b) => beforeOf(subscription, a) - beforeOf(subscription, b) || a.before - b.before)
}

/** Once its status says that it is over, what should have been told before is settled along with what is told after, not by itself. */
function lookedFor(
  subscription: Subscription,
  due: readonly Stage[],
  { inView, now }: { inView: readonly Stage[]; now: number },
): readonly Stage[] {
  const { kind, row } = subscription
  if (kind !== 'projects' || row.status === 'active' || nextState(subscription, { inView, now })) return due
  return due.some(({ before }) => before <= 0) ? due : []
}

/** Threshold crossed, and nothing says that it is done. What only the ledger knows is let go after a while. */
function isDue(ledger: Ledger, subscription: Subscription, stage: Stage, now: number): boolean {
  const flag = flagOf(subscription, stage)
  if (flag) return !isFlagged(subscription, flag)
  if (standing(ledger, subscription, stage)) return false
  if (isForAdministrator(stage)) return isToBeSuspended(subscription)
  const threshold = thresholdOf(subscription, stage)
  return threshold !== undefined && now - threshold < longPast
}

function isSettled(ledger: Ledger, subscription: Subscription, stage: Stage): boolean {
  const flag = flagOf(subscription, stage)
  return standing(ledger, subscription, stage) !== undefined || (flag !== undefined && isFlagged(subscription, flag))
}

function standing(ledger: Ledger, subscription: Subscription, stage: Stage): Notice | undefined {
  const end = endOf(subscription)
  return everEnds(end) ? ledger.standing(nameOf(subscription), stage.name, end) : undefined
}

interface Question {
  readonly subscription: Subscription
  readonly stage: Stage
  readonly now: number
}

/** `lead` is the most urgent stage that is to be announced, or was before, to the same people. */
function decide(ledger: Ledger, question: Question & { readonly lead: Stage | undefined }): Decision {
  const { subscription, stage, lead, now } = question
  const end = Number(endOf(subscription))
  if (subscription.kind === 'orders') return { outcome: 'recorded', reason: null }
  if (now - Math.max(end, thresholdOf(subscription, stage) ?? end) > longPast) {
    return { outcome: 'superseded', reason: 'long_past' }
  }
  if (lead !== undefined && lead !== stage) {
    return { outcome: 'superseded', reason: 'overtaken', supersededBy: lead.name }
  }
  return announce(ledger, question)
}

function write(ledger: Ledger, { subscription, stage, now }: Question, decision: Decision): void {
  const { outcome, reason, supersededBy = null, messages = [] } = decision
  const name = nameOf(subscription)
  const notice = ledger.decide(name, {
    stage: stage.name,
    end: Number(endOf(subscription)),
    companyId: companyOf(subscription),
    outcome,
    reason,
    supersededBy,
    channels: messages.map(({ channel }) => channel),
  })
  for (const message of messages) ledger.add(notice, message)
  if (outcome === 'sent' && subscription.kind === 'projects' && !isForAdministrator(stage))
    subscription.row.last_notification_sent_at = now
  ledger.touched.add(name)
  ledger.tell(name, now, [`${stage.name} is ${outcome}`, reason, supersededBy].filter(Boolean).join(', '))
}

function raiseFlag(ledger: Ledger, subscription: Subscription, stage: Stage): void {
  const flag = flagOf(subscription, stage)
  if (!flag) return
  Object.assign(subscription.row, { [flag]: true })
  ledger.touched.add(nameOf(subscription))
}

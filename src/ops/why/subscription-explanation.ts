import { byTime, clock, type Explanation } from './explanation.ts'
import type { ComingNotice, LedgerEntry, SubscriptionFacts } from './subscription-facts.ts'

/** Every state that a project or a portrait can be explained by. */
export const subscriptionStates = [
  'no_end',
  'company_inactive',
  'left_alone',
  'sweep_blocked',
  'no_worker',
  'due_now',
  'waiting',
  'all_told',
] as const

export type SubscriptionState = (typeof subscriptionStates)[number]

interface Said {
  readonly state: SubscriptionState
  readonly sentence: string
  readonly remedy?: string
}

/** Why somebody was told of the end of a subscription, or was not, and what comes next. */
export function explainSubscription(facts: SubscriptionFacts): Explanation<SubscriptionState> {
  const { remedy = null, ...said } = say(facts)
  const evidence = byTime(facts.ledger.map((entry) => ({ at: entry.at, text: describe(entry, facts.now) })))
  return { ...said, remedy, evidence }
}

function say(facts: SubscriptionFacts): Said {
  const { kind, id, name, company, endsAt, status, now, due, next } = facts
  const what = `${kind === 'projects' ? 'Project' : 'Portrait'} ${id} (${name}) of ${company.name}`
  if (endsAt === null) return { state: 'no_end', sentence: `${what} has no end, so nobody is told of one.` }
  const ends = `${what} ${endsAt > now ? 'ends' : 'ended'} at ${clock(endsAt, now)}`
  if (!company.isActive) {
    return { state: 'company_inactive', sentence: `${ends}; its company is not active, so the sweep leaves it alone.` }
  }
  if (!isSwept(facts)) {
    return { state: 'left_alone', sentence: `${ends}; its status is "${status}", and the sweep leaves such alone.` }
  }
  if (due.length > 0) return sayDue(facts, ends)
  const told = sayTold(facts)
  if (next === null) return { state: 'all_told', sentence: `${ends}; ${told}, and nothing more comes.` }
  return { state: 'waiting', sentence: `${ends}; ${told}; next at ${clock(next.at, now)}: ${promise(next)}.` }
}

function isSwept({ kind, status }: SubscriptionFacts): boolean {
  return status === 'active' || (kind === 'projects' && status === 'expired')
}

/** `7d to email a@b.org, telegram 100`. */
function promise({ stage, outcome, reason, to }: ComingNotice): string {
  return outcome === 'sent' ? `${stage} to ${to.join(', ')}` : `${stage}, of which nobody is told (${reason})`
}

function sayTold({ ledger, endsAt }: SubscriptionFacts): string {
  const ofThisEnd = ledger.filter(({ end }) => end.getTime() === endsAt?.getTime())
  if (ofThisEnd.length === 0) return 'nobody has been told of that end yet'
  return ofThisEnd
    .map(({ stage, outcome, reason }) => `${stage} ${outcome}${reason === null ? '' : ` (${reason})`}`)
    .join(', ')
}

function sayDue({ due, lastSweep, hasWorker, nextSweepAt, now }: SubscriptionFacts, ends: string): Said {
  const what = due.map((notice) => promise(notice)).join(', ')
  if (lastSweep?.outcome === 'blocked') {
    return {
      state: 'sweep_blocked',
      sentence: `${ends}; due now is ${what}, but the last sweep, at ${clock(lastSweep.startedAt, now)}, was stopped before it changed anything, as more was due than a sweep does unasked.`,
      remedy: 'fleet sweep --plan shows what is due, fleet sweep --max NUMBER does as much as you say',
    }
  }
  const last = lastSweep === null ? 'none has run yet' : `the last one was at ${clock(lastSweep.startedAt, now)}`
  if (!hasWorker) {
    return {
      state: 'no_worker',
      sentence: `${ends}; the next sweep deals with ${what}, but no lifecycle worker is alive that would begin one (${last}).`,
      remedy: 'start one: npx pm2 start ecosystem.config.cjs; fleet sweep does it now',
    }
  }
  return {
    state: 'due_now',
    sentence: `${ends}; the next sweep${nextSweepAt === null ? '' : `, at ${clock(nextSweepAt, now)},`} deals with ${what} (${last}).`,
    remedy: 'none is needed: fleet sweep --plan shows it, fleet sweep does it now',
  }
}

/** `7d for the end of 2026-03-08: sent: email 17 sent`. */
function describe({ stage, end, outcome, reason, supersededBy, messages }: LedgerEntry, now: Date): string {
  const why = [reason, supersededBy && `by ${supersededBy}`].filter(Boolean).join(' ')
  const made = messages.length === 0 ? '' : `: ${messages.join(', ')}`
  return `${stage} for the end at ${clock(end, now)}: ${outcome}${why === '' ? '' : ` (${why})`}${made}`
}

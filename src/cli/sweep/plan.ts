import type { SweepPlan } from '../../subscriptions/sweep-result.ts'
import type { Answer } from '../answer.ts'
import type { Screen } from '../screen.ts'
import { formatExactTime } from '../times.ts'
import { countOf, formatCount } from '../words.ts'
import { renderMessages } from './planned-messages.ts'
import { renderStates } from './planned-states.ts'
import { describeCounts } from './result.ts'
import { renderUntold } from './untold.ts'

export interface PlanView {
  /** By the database's clock. */
  readonly now: Date
  readonly baseline: boolean
}

export function answerPlan(plan: SweepPlan, view: PlanView): Answer {
  const { at, counts, changes, limit, steps } = plan
  return {
    document: { at, baseline: view.baseline, counts, changes, limit, blocked: isBlocked(plan, view), steps },
    text: (screen) => renderPlan(plan, view, screen),
  }
}

/** Who gets what, why others get nothing, what else changes, and whether a sweep would be let. */
export function renderPlan(plan: SweepPlan, view: PlanView, screen: Screen): string {
  const { now, baseline } = view
  const when = formatExactTime(plan.at, now)
  if (plan.changes === 0) return `Nothing is ${baseline ? 'past' : 'due'} at ${when}.\n`
  const what = baseline ? 'A baseline would mark as known, and send nothing' : 'A sweep would'
  return [
    `${screen.colors.bold(`${what}, at ${when}`)}:\n`,
    ...[renderMessages(plan, screen), renderUntold(plan, screen), renderStates(plan, screen)].filter(
      (part) => part !== undefined,
    ),
    renderTotals(plan, view, screen),
  ].join('\n')
}

/** Who marks what is past as known has said that it may be much. */
function isBlocked({ changes, limit }: SweepPlan, { baseline }: PlanView): boolean {
  return !baseline && changes > limit
}

function renderTotals(plan: SweepPlan, view: PlanView, { colors }: Screen): string {
  const { counts, changes, limit } = plan
  const total = `Altogether ${countOf(changes, 'change')}: ${describeCounts(counts)}.`
  if (view.baseline) return `${total}\n`
  if (!isBlocked(plan, view)) return `${total} ${formatCount(limit)} are allowed at once.\n`
  const stopped = `The flood guard stops this: only ${formatCount(limit)} are allowed at once.`
  return `${total}\n${colors.red(stopped)} Allow it once with: fleet sweep --max ${changes}\n`
}

import type { PlannedMessage, SweepPlan } from '../../subscriptions/sweep-result.ts'
import { printable } from '../printable.ts'
import type { Screen } from '../screen.ts'
import { type Cell, renderTable } from '../table.ts'
import { countOf, formatCount } from '../words.ts'
import { describeEntities, type Entity } from './entities.ts'
import { formatBoth } from './local-clock.ts'

/** What the same people get at the same time about one stage: the notifications worker makes one message of it for each channel. */
interface MessageGroup {
  readonly scheduledAt: Date | null
  readonly timezone: string
  readonly companyName: string
  readonly stage: string
  /** `email a@example.org`, each channel. */
  readonly to: string
  readonly entities: readonly Entity[]
  readonly subjects: readonly string[]
}

const shown = 20

const columns = [
  { title: 'WHEN (UTC)' },
  { title: 'COMPANY' },
  { title: 'WHAT' },
  { title: 'STAGE' },
  { title: 'TO' },
  { title: 'SUBJECT' },
]

/** A line for what the same people get at once, what leaves first at the top. Undefined where nobody gets anything. */
export function renderMessages(plan: SweepPlan, screen: Screen): string | undefined {
  const groups = groupMessages(plan)
  if (groups.length === 0) return undefined
  const rows = groups
    .slice(0, shown)
    .map((group): Cell[] => [
      { text: group.scheduledAt === null ? 'at once' : formatBoth(group.scheduledAt, group.timezone) },
      { text: group.companyName },
      { text: describeEntities(group.entities) },
      { text: group.stage },
      { text: group.to },
      { text: describeSubjects(group.subjects) },
    ])
  return `${renderTable(columns, rows, screen)}${describeRest(groups.length - shown, 'message')}`
}

/** `… and 12 more messages (--json has all)` on a line, or nothing. */
function describeRest(rest: number, noun: string): string {
  return rest > 0 ? `… and ${formatCount(rest)} more ${noun}${rest === 1 ? '' : 's'} (--json has all)\n` : ''
}

function groupMessages({ steps }: SweepPlan): MessageGroup[] {
  const notices = steps.flatMap((step) =>
    step.notices.flatMap(({ stage, messages }) => {
      const [first] = messages
      if (first === undefined) return []
      const to = messages.map(describeRecipient).join(', ')
      return [{ step, stage, to, first, key: JSON.stringify([first.scheduledAt, step.companyId, stage, to]) }]
    }),
  )
  const groups = [...Map.groupBy(notices, ({ key }) => key).values()].flatMap((alike) => {
    const [notice] = alike
    if (notice === undefined) return []
    const { step, stage, to, first } = notice
    return {
      scheduledAt: first.scheduledAt,
      timezone: first.timezone,
      companyName: step.companyName,
      stage,
      to,
      entities: alike.map(({ step }) => step),
      subjects: [...new Set(alike.map(({ first }) => first.subject))],
    }
  })
  return groups.toSorted(
    (a, b) =>
      (a.scheduledAt?.getTime() ?? 0) - (b.scheduledAt?.getTime() ?? 0) ||
      a.companyName.localeCompare(b.companyName, 'ru') ||
      a.stage.localeCompare(b.stage),
  )
}

function describeRecipient({ channel, recipient }: PlannedMessage): string {
  return recipient === null ? channel : `${channel} ${printable(recipient)}`
}

function describeSubjects([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} (and ${countOf(others.length, 'other')})`
}

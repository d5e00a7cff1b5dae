import type { NoticeReason } from '../../subscriptions/policy.ts'
import type { PlannedNotice, PlannedStep, SweepPlan } from '../../subscriptions/sweep-result.ts'
import type { Screen } from '../screen.ts'
import { type Cell, renderTable } from '../table.ts'
import { formatCount } from '../words.ts'
import { exemplify, nameEntity } from './entities.ts'

const columns = [{ title: 'NOTICES', align: 'right' as const }, { title: 'WHY NOBODY IS TOLD' }, { title: 'WHICH' }]

/** Why the others get nothing, a line for each reason. Undefined where there are no others. */
export function renderUntold({ steps }: SweepPlan, screen: Screen): string | undefined {
  const untold = steps.flatMap((step) =>
    step.notices.flatMap((notice) =>
      notice.reason === null ? [] : [{ step, notice, why: explanations[notice.reason] }],
    ),
  )
  if (untold.length === 0) return undefined
  const rows = [...Map.groupBy(untold, ({ why }) => why)]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([why, alike]): Cell[] => [
      { text: formatCount(alike.length) },
      { text: why },
      { text: exemplify(alike.map(({ step, notice }) => nameNotice(step, notice))) },
    ])
  return renderTable(columns, rows, screen)
}

function nameNotice(step: PlannedStep, { stage, supersededBy }: PlannedNotice): string {
  return `${nameEntity(step)} ${stage}${supersededBy === null ? '' : ` by ${supersededBy}`}`
}

const explanations: Readonly<Record<NoticeReason, string>> = {
  overtaken: 'a more urgent notice overtakes it',
  long_past: 'its moment is long past (NOTICE_LONG_PAST_DAYS)',
  no_opening: 'there is no hour left for it before the next notice (NOTICE_HOURS)',
  nobody_to_tell: 'there is nobody to tell: no address, no chat',
  no_administrator: 'there is no administrator to tell (ADMIN_EMAIL, ADMIN_TELEGRAM_CHAT_ID)',
  baseline: 'it is marked as known',
}

import type { PlannedStep, SweepPlan } from '../../subscriptions/sweep-result.ts'
import type { Screen } from '../screen.ts'
import { type Cell, renderTable } from '../table.ts'
import { formatCount } from '../words.ts'
import { exemplify, nameEntity } from './entities.ts'

const columns = [{ title: 'CHANGES', align: 'right' as const }, { title: 'OF STATE' }, { title: 'WHICH' }]

/** Which states change, a line for each change. Undefined where none does. */
export function renderStates({ steps }: SweepPlan, screen: Screen): string | undefined {
  const changes = steps.flatMap((step) => changesOf(step).map((change) => ({ step, change })))
  if (changes.length === 0) return undefined
  const rows = [...Map.groupBy(changes, ({ change }) => change)].map(([change, alike]): Cell[] => [
    { text: formatCount(alike.length) },
    { text: change },
    { text: exemplify(alike.map(({ step }) => nameEntity(step))) },
  ])
  return renderTable(columns, rows, screen)
}

function changesOf({ entityType, lifecycleStatus, expiresProject }: PlannedStep): string[] {
  return [
    ...(lifecycleStatus === null
      ? []
      : [`${entityType}.lifecycle_status: ${lifecycleStatus.from} → ${lifecycleStatus.to}`]),
    ...(expiresProject ? ['projects.status: active → expired, and their AR content inactive'] : []),
  ]
}

import type { EntityType } from '../../subscriptions/subscription.ts'
import type { PlannedStep } from '../../subscriptions/sweep-result.ts'
import { printable } from '../printable.ts'
import { countOf, formatCount, listIds } from '../words.ts'

export type Entity = Pick<PlannedStep, 'entityType' | 'entityId' | 'entityName'>

const nouns: Readonly<Record<EntityType, string>> = {
  projects: 'project',
  portraits: 'portrait',
  companies: 'company',
}

const examples = 3

/** `project 17 (Ночь музеев)`. */
export function nameEntity({ entityType, entityId, entityName }: Entity): string {
  return `${nouns[entityType]} ${entityId} (${printable(entityName)})`
}

/** The same for one of a kind; `2 projects (4, 5), 500 portraits (1, 2, 3 and 497 more)` for several. */
export function describeEntities(entities: readonly Entity[]): string {
  const parts = [...Map.groupBy(entities, ({ entityType }) => entityType)].map(([type, alike]) => {
    const [first] = alike
    if (first !== undefined && alike.length === 1) return nameEntity(first)
    const ids = alike.slice(0, examples).map(({ entityId }) => entityId)
    return `${countNouns(type, alike.length)} (${listIds(ids, alike.length)})`
  })
  return parts.join(', ')
}

function countNouns(type: EntityType, count: number): string {
  return type === 'companies' ? `${formatCount(count)} companies` : countOf(count, nouns[type])
}

/** The first few with their names, and how many there are besides. */
export function exemplify(names: readonly string[]): string {
  const rest = names.length - examples
  return [...names.slice(0, examples), ...(rest > 0 ? [`and ${formatCount(rest)} more`] : [])].join(', ')
}

import type { KeptSight } from '../../ops/row-sight.ts'
import type { Screen } from '../screen.ts'
import { renderTable } from '../table.ts'

/** Whom row security does not hold; nothing where there is nobody. */
export function describeKeptSight({ unguarded, exemptOwners }: KeptSight, screen: Screen): string[] {
  const rows = unguarded.map(({ role, because, relations }) => [
    { text: role },
    { text: relations.join(', ') },
    { text: because === 'owner' ? 'it owns them' : "a view reads with its owner's rights" },
  ])
  const titles = [{ title: 'ROLE' }, { title: 'STILL SEES EVERY ROW OF' }, { title: 'BECAUSE' }]
  const table = rows.length === 0 ? [] : [`The policies do not hold these:\n${renderTable(titles, rows, screen)}`]
  const owners = exemptOwners.map((name) => `Row security does not hold for the owner ${name} without --force.`)
  return [...table, ...owners]
}

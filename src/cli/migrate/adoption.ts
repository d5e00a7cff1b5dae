import type { AdoptionReport } from '../../db/adoption/report.ts'
import type { Screen } from '../screen.ts'
import { renderTable } from '../table.ts'
import { countOf } from '../words.ts'

/** What was there before the fleet came, and what became of it. */
export function renderAdoption({ foundTables, createdTables, notes }: AdoptionReport, screen: Screen): string {
  const created = createdTables.length === 0 ? '' : `, made ${countOf(createdTables.length, 'table')} that it lacked`
  const head = `Adopted ${countOf(foundTables.length, 'table')} of the platform${created}. "fleet migrate down" undoes what follows.\n`
  if (notes.length === 0) return head
  const columns = [{ title: 'OBJECT' }, { title: 'CHANGE' }]
  const rows = notes.map(({ object, isChanged, change }) => [
    { text: object },
    { text: isChanged ? change : `not changed: ${change}` },
  ])
  return `${head}\n${renderTable(columns, rows, screen)}`
}

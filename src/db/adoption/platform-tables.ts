import type { Pair } from '../catalogue/finding.ts'
import type { Table } from '../catalogue/table.ts'
import type { Scene } from './preflight.ts'

/** The platform's tables as they should be, without the fleet's own. */
export function wantedTables({ platform }: Pick<Scene, 'platform'>): Table[] {
  return platform.tables.filter(({ schema }) => schema === 'public')
}

/** Those of them that this database has already. */
export function foundTables({ platform, live }: Pick<Scene, 'platform' | 'live'>): Pair<Table>[] {
  return wantedTables({ platform }).flatMap((wanted) => {
    const there = live.tables.find(({ name }) => name === wanted.name)
    return there === undefined ? [] : [{ wanted, live: there }]
  })
}

/** A name without its schema. */
export function bareName(name: string): string {
  return name.replace(/^[^.]*\./, '')
}

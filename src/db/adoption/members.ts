import type { Difference, Pair } from '../catalogue/finding.ts'
import type { Table } from '../catalogue/table.ts'
import { foundTables } from './platform-tables.ts'
import type { Scene } from './preflight.ts'

/** Parts of a table whose names the migrations are to give, and that others have given already. */
export function findMembers(scene: Scene): Difference[] {
  return foundTables(scene).flatMap((table) => {
    const later = scene.fleet.tables.find(({ name }) => name === table.wanted.name)
    return [...constraints(table), ...(later === undefined ? [] : added(table, later))]
  })
}

/** A constraint under our name that says something else. */
function constraints({ wanted, live }: Pair<Table>): Difference[] {
  const reference = /^FOREIGN KEY \(.*?\) REFERENCES [^(]*\(.*?\)/
  const meaning = (definition: string) => reference.exec(definition)?.[0] ?? definition
  const there = new Set(live.constraints.map(({ definition }) => meaning(definition)))
  return wanted.constraints
    .filter(({ definition }) => !there.has(meaning(definition)))
    .flatMap(({ name, definition }) => {
      const other = live.constraints.find((constraint) => constraint.name === name)
      return other === undefined
        ? []
        : [inTheWay({ table: live, kind: 'CONSTRAINT', name, wanted: definition, found: other.definition })]
    })
}

/** What later migrations add to a table of the platform. */
function added({ wanted, live }: Pair<Table>, later: Table): Difference[] {
  const parts = [
    ['COLUMN', 'columns'],
    ['CONSTRAINT', 'constraints'],
    ['TRIGGER', 'triggers'],
    ['POLICY', 'policies'],
  ] as const
  return parts.flatMap(([kind, part]) => {
    const known = new Set(wanted[part].map(({ name }) => name))
    const names = later[part].map(({ name }) => name).filter((name) => !known.has(name))
    const taken = names.filter((name) => live[part].some((other) => other.name === name))
    return taken.map((name) =>
      inTheWay({
        table: live,
        kind,
        name,
        wanted: 'what a later migration adds',
        found: `a ${kind.toLowerCase()} of others`,
      }),
    )
  })
}

function inTheWay({
  table,
  kind,
  name,
  wanted,
  found,
}: {
  readonly table: Table
  readonly kind: 'COLUMN' | 'CONSTRAINT' | 'TRIGGER' | 'POLICY'
  readonly name: string
  readonly wanted: string
  readonly found: string
}): Difference {
  const standsAlone = kind === 'TRIGGER' || kind === 'POLICY'
  return {
    object: `${kind.toLowerCase()} ${name} on ${table.name}`,
    wanted: `the name for ${wanted}`,
    found,
    remedy: [
      standsAlone
        ? `ALTER ${kind} ${name} ON ${table.name} RENAME TO ${name}_before_fleet;`
        : `ALTER TABLE ${table.name} RENAME ${kind} ${name} TO ${name}_before_fleet;`,
    ],
  }
}

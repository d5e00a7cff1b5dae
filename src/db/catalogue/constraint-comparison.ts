import { type Difference, type Finding, nothing, type Pair } from './finding.ts'
import type { Constraint, Table } from './table.ts'
import { addConstraint, validateConstraint } from './table-ddl.ts'

/** Foreign keys and checks by what they say; their names do not matter. */
export function compareConstraints({ wanted: table, live }: Pair<Table>): Finding[] {
  const there = new Map(live.constraints.map((constraint) => [constraint.definition, constraint]))
  const asked = new Set(table.constraints.map(({ definition }) => definition))
  const strangers = live.constraints.filter(({ definition }) => !asked.has(definition))
  const replaced = new Set<Constraint>()
  const differences = table.constraints.flatMap((constraint): Difference[] => {
    const found = there.get(constraint.definition)
    if (found !== undefined) return notValidated(table, { wanted: constraint, live: found })
    const instead = strangers.find((other) => !replaced.has(other) && isLike(constraint, other))
    if (instead !== undefined) replaced.add(instead)
    return [missingConstraint(table, constraint, instead)]
  })
  return [
    ...differences,
    ...strangers.filter((other) => !replaced.has(other)).flatMap((other) => extraConstraint(table, other)),
  ]
}

function notValidated(table: Table, { wanted, live }: Pair<Constraint>): Difference[] {
  if (live.validated || !wanted.validated) return []
  return [
    {
      object: labelOf(table, live),
      wanted: 'validated',
      found: 'rows of before it were never checked',
      remedy: [validateConstraint(table, live.name)],
    },
  ]
}

function missingConstraint(table: Table, constraint: Constraint, instead: Constraint | undefined): Difference {
  return {
    object: labelOf(table, constraint),
    wanted: constraint.definition,
    found: instead?.definition ?? nothing,
    remedy: addConstraint(table, constraint, instead),
  }
}

/** The same columns referring to the same table by another rule, or another thing under the same name. */
function isLike(wanted: Constraint, other: Constraint): boolean {
  const reference = /^FOREIGN KEY \(.*?\) REFERENCES [^(]*\(.*?\)/
  const target = reference.exec(wanted.definition)?.[0]
  return wanted.name === other.name || (target !== undefined && target === reference.exec(other.definition)?.[0])
}

function extraConstraint(table: Table, constraint: Constraint): Finding[] {
  const object = labelOf(table, constraint)
  if (table.schema === 'pgboss') return []
  if (table.schema !== 'fleet') return [{ object, note: null }]
  return [
    {
      object,
      wanted: nothing,
      found: constraint.definition,
      remedy: [`ALTER TABLE ${table.name} DROP CONSTRAINT ${constraint.name};`],
    },
  ]
}

function labelOf(table: Table, { name, definition }: Constraint): string {
  const kind = definition.startsWith('FOREIGN KEY') ? 'foreign key' : 'constraint'
  return `${kind} ${name} on ${table.name}`
}

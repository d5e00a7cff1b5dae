import { type Difference, type Finding, nothing, type Pair } from './finding.ts'
import type { Index, Table } from './table.ts'
import { createIndex, dropIndex } from './table-ddl.ts'

/** Indexes by what they hold; their names do not matter, and neither does whether a constraint or an index makes rows unique. */
export function compareIndexes({ wanted: table, live }: Pair<Table>): Finding[] {
  const spoken = new Set<Index>()
  const differences = table.indexes.flatMap((index): Difference[] => {
    const [best] = live.indexes.filter((other) => serves(index, other)).sort((a, b) => rank(index, b) - rank(index, a))
    if (best !== undefined) {
      for (const other of live.indexes) if (serves(index, other) && other.valid) spoken.add(other)
      spoken.add(best)
      return best.valid ? [] : [invalid(table, index, best)]
    }
    const instead = live.indexes.find(({ name }) => name === index.name)
    if (instead !== undefined) spoken.add(instead)
    return [missing(table, index, instead)]
  })
  const extras = live.indexes.filter((index) => !spoken.has(index))
  return [...differences, ...extras.flatMap((index) => extraIndex(table, index))]
}

/** A unique index answers every query that another over the same columns does. */
function serves(wanted: Index, other: Index): boolean {
  return (
    wanted.definition === other.definition &&
    (other.unique || !wanted.unique) &&
    (wanted.constraint !== 'PRIMARY KEY' || other.constraint === 'PRIMARY KEY')
  )
}

function rank(wanted: Index, other: Index): number {
  return (other.valid ? 2 : 0) + (other.name === wanted.name ? 1 : 0)
}

function missing(table: Table, index: Index, instead: Index | undefined): Difference {
  return {
    object: labelOf(table, index),
    wanted: describe(index),
    found: instead === undefined ? nothing : describe(instead),
    remedy: [...(instead === undefined ? [] : [dropIndex(table, instead)]), ...createIndex(table, index)],
  }
}

function invalid(table: Table, wanted: Index, live: Index): Difference {
  return {
    object: labelOf(table, live),
    wanted: describe(wanted),
    found: 'invalid: it was never finished and serves no query',
    remedy: [dropIndex(table, live), ...createIndex(table, { ...wanted, name: live.name })],
  }
}

function extraIndex(table: Table, index: Index): Finding[] {
  const object = labelOf(table, index)
  if (table.schema === 'pgboss') return []
  if (!index.valid) {
    const found = 'invalid: it serves no query and slows every write'
    return [{ object, wanted: nothing, found, remedy: [dropIndex(table, index)] }]
  }
  if (table.schema !== 'fleet') return [{ object, note: costOf(table, index) }]
  return [{ object, wanted: nothing, found: describe(index), remedy: [dropIndex(table, index)] }]
}

function costOf(table: Table, { definition }: Index): string | null {
  if (table.name !== 'public.email_queue' || !/\b(status|updated_at)\b/.test(definition)) return null
  return 'every step of a mail changes what it holds, so that no update of email_queue is a cheap (HOT) one'
}

function labelOf(table: Table, { name }: Index): string {
  return `index ${name} on ${table.name}`
}

function describe({ unique, definition, constraint }: Index): string {
  if (constraint !== null) return `${constraint} ${definition}`
  return `${unique ? 'UNIQUE ' : ''}INDEX ${definition}`
}

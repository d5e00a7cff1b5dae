import type { Catalogue } from './catalogue.ts'
import { compareColumns, furnishColumn } from './column-comparison.ts'
import { compareConstraints } from './constraint-comparison.ts'
import { type Difference, type Finding, nothing, type Pair, pair } from './finding.ts'
import { compareIndexes } from './index-comparison.ts'
import { stranger } from './object-comparison.ts'
import { comment, grant } from './object-ddl.ts'
import { comparePolicies, compareRowSecurity } from './policy-comparison.ts'
import type { Table } from './table.ts'
import { createDefaultPartition, createIndex, createPolicy, createTable, createTrigger } from './table-ddl.ts'
import { compareTriggers } from './trigger-comparison.ts'

/** Tables and what stands on them. Foreign keys come when every table is there. */
export function compareTables(wanted: Catalogue, live: Catalogue): Finding[] {
  const { missing, extra, both } = pair(wanted.tables, live.tables, ({ name }) => name)
  const bare = missing.map((table) => ({ wanted: table, live: { ...table, constraints: [] } }))
  return [
    ...missing.map(missingTable),
    ...extra.flatMap((table) => stranger(table, 'TABLE')),
    ...both.flatMap(comparePartitioning),
    ...both.flatMap(compareOptions),
    ...both.flatMap((tables) => compareColumns(withoutMirrored(tables, live))),
    ...both.flatMap(compareIndexes),
    ...[...bare, ...both].flatMap(compareConstraints),
    ...both.flatMap(compareTriggers),
    ...both.flatMap(comparePolicies),
    ...compareRowSecurity(both, live.switchedOn),
  ]
}

/** The archive of the mail queue has every column that the queue has, those of others included. */
function withoutMirrored({ wanted, live }: Pair<Table>, { tables }: Catalogue): Pair<Table> {
  if (wanted.name !== 'fleet.email_archive') return { wanted, live }
  const queue = tables.find(({ name }) => name === 'public.email_queue')?.columns ?? []
  const isTheirs = (column: string) =>
    queue.some(({ name }) => name === column) && wanted.columns.every(({ name }) => name !== column)
  return { wanted, live: { ...live, columns: live.columns.filter(({ name }) => !isTheirs(name)) } }
}

function missingTable(table: Table): Difference {
  const target = `TABLE ${table.name}`
  return {
    object: `table ${table.name}`,
    wanted: 'a table',
    found: nothing,
    remedy: [
      ...createTable(table),
      ...table.indexes.flatMap((index) => createIndex(table, index)),
      ...table.triggers.map(createTrigger),
      ...table.policies.map((policy) => createPolicy(table, policy)),
      ...(table.rowSecurity ? [`ALTER TABLE ${table.name} ENABLE ROW LEVEL SECURITY;`] : []),
      ...grant(target, table.grants),
      ...comment(target, table.comment),
      ...table.columns.flatMap((column) => furnishColumn({ ...table, grants: {} }, column)),
    ],
  }
}

function comparePartitioning({ wanted, live }: Pair<Table>): Difference[] {
  const object = `table ${wanted.name}`
  if (wanted.partitionedBy !== live.partitionedBy) {
    const describe = ({ partitionedBy }: Table) =>
      partitionedBy === null ? 'a table in one piece' : `partitioned by ${partitionedBy}`
    return [
      {
        object,
        wanted: describe(wanted),
        found: describe(live),
        remedy: ['-- fleet migrate to the migration before the one that divides it, then fleet migrate up'],
      },
    ]
  }
  if (wanted.defaultPartition === null || live.defaultPartition !== null) return []
  return [
    {
      object,
      wanted: 'a default partition',
      found: nothing,
      remedy: [createDefaultPartition(wanted.name, wanted.defaultPartition)],
    },
  ]
}

function compareOptions({ wanted, live }: Pair<Table>): Difference[] {
  const lacking = wanted.options.filter((option) => !live.options.includes(option))
  if (lacking.length === 0) return []
  return [
    {
      object: `table ${wanted.name}`,
      wanted: `storage parameters ${lacking.join(', ')}`,
      found: live.options.length === 0 ? 'none' : live.options.join(', '),
      remedy: [`ALTER TABLE ${wanted.name} SET (${lacking.join(', ')});`],
    },
  ]
}

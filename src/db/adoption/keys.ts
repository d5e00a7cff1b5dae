import { type Kysely, sql } from 'kysely'
import type { Difference, Pair } from '../catalogue/finding.ts'
import type { Constraint, Index, Table } from '../catalogue/table.ts'
import { count, mayRead } from './columns.ts'
import { foundTables } from './platform-tables.ts'
import type { Scene } from './preflight.ts'

/** Rows that break a key or a reference which the migrations would add, and another primary key in its place. */
export async function findKeys(scene: Scene): Promise<Difference[]> {
  const findings: Difference[] = []
  for (const table of foundTables(scene)) {
    if (!(await mayRead(scene.db, table.live))) continue
    for (const index of missingKeys(table)) findings.push(...(await findDuplicates(scene.db, table, index)))
    for (const key of missingReferences(table)) findings.push(...(await findOrphans(scene, table, key)))
  }
  return findings
}

function missingKeys({ wanted, live }: Pair<Table>): Index[] {
  return wanted.indexes.filter(
    (index) =>
      index.unique &&
      !live.indexes.some(
        (other) =>
          other.unique &&
          other.valid &&
          other.definition === index.definition &&
          (index.constraint !== 'PRIMARY KEY' || other.constraint === 'PRIMARY KEY'),
      ),
  )
}

async function findDuplicates(db: Kysely<unknown>, { wanted, live }: Pair<Table>, index: Index): Promise<Difference[]> {
  const columns = columnsOf(index.definition)
  const list = columns.join(', ')
  if (!hasColumns(live, columns)) return []
  const object = `${index.constraint ?? 'UNIQUE'} (${list}) on ${wanted.name}`
  const other = live.indexes.find(({ constraint }) => constraint === 'PRIMARY KEY')
  if (index.constraint === 'PRIMARY KEY' && other !== undefined) {
    const found = `PRIMARY KEY (${columnsOf(other.definition).join(', ')})`
    return [
      { object, wanted: 'a primary key', found, remedy: [`ALTER TABLE ${live.name} DROP CONSTRAINT ${other.name};`] },
    ]
  }
  const doubled = `SELECT ${list} FROM ${live.name} WHERE num_nulls(${list}) = 0 GROUP BY ${list} HAVING count(*) > 1`
  const values = await count(db, sql`SELECT count(*) FROM (${sql.raw(doubled)}) AS doubled`)
  if (values === 0) return []
  return [
    {
      object,
      wanted: 'each value once',
      found: `${values} values more than once`,
      remedy: ['-- change or delete all but one row of each that this lists:', `${doubled};`],
    },
  ]
}

const reference = /^FOREIGN KEY \((.*?)\) REFERENCES ([^(]*)\((.*?)\)/

function missingReferences({ wanted, live }: Pair<Table>): Constraint[] {
  const meaning = ({ definition }: Constraint) => reference.exec(definition)?.[0]
  const there = new Set(live.constraints.map(meaning))
  return wanted.constraints.filter((constraint) => meaning(constraint) !== undefined && !there.has(meaning(constraint)))
}

async function findOrphans(
  { db, live: { tables } }: Scene,
  { wanted, live }: Pair<Table>,
  key: Constraint,
): Promise<Difference[]> {
  const [, column = '', target = '', targetColumn = ''] = reference.exec(key.definition) ?? []
  if (!hasColumns(live, [column])) return []
  const there = tables.find(({ name }) => name === target)
  if (there !== undefined && !(hasColumns(there, [targetColumn]) && (await mayRead(db, there)))) return []
  const orphan =
    there === undefined
      ? `t.${column} IS NOT NULL`
      : `t.${column} IS NOT NULL AND NOT EXISTS (SELECT FROM ${target} r WHERE r.${targetColumn} = t.${column})`
  const orphans = await count(db, sql`SELECT count(*) FROM ${sql.raw(live.name)} t WHERE ${sql.raw(orphan)}`)
  if (orphans === 0) return []
  const optional = wanted.columns.find(({ name }) => name === column)?.notNull === false
  return [
    {
      object: `${key.definition} on ${wanted.name}`,
      wanted: 'a row to which each refers',
      found: there === undefined ? `${orphans} rows, and no table ${target}` : `${orphans} rows that refer to none`,
      remedy: [
        optional
          ? `UPDATE ${live.name} t SET ${column} = NULL WHERE ${orphan};`
          : `DELETE FROM ${live.name} t WHERE ${orphan};`,
      ],
    },
  ]
}

function columnsOf(definition: string): string[] {
  return (/\((.*?)\)/.exec(definition)?.[1] ?? '').split(', ')
}

function hasColumns({ columns }: Table, names: readonly string[]): boolean {
  return names.every((name) => columns.some((column) => column.name === name))
}

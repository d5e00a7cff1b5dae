import { type Difference, type Finding, nothing, type Pair, pair } from './finding.ts'
import { comment } from './object-ddl.ts'
import type { Column, Table } from './table.ts'
import { columnDefinition } from './table-ddl.ts'

/** Columns by name; where they stand does not matter. */
export function compareColumns({ wanted: table, live }: Pair<Table>): Finding[] {
  const { missing, extra, both } = pair(table.columns, live.columns, ({ name }) => name)
  return [
    ...missing.map((column) => ({
      object: `column ${table.name}.${column.name}`,
      wanted: describe(column),
      found: nothing,
      remedy: addColumn(table, column),
    })),
    ...both.flatMap((columns) => compareColumn(table, columns)),
    ...extra.flatMap((column) => extraColumn(table, column)),
  ]
}

function compareColumn(table: Table, { wanted, live }: Pair<Column>): Difference[] {
  const alter = `ALTER TABLE ${table.name} ALTER COLUMN ${wanted.name}`
  const remedy: string[] = []
  if (wanted.generated !== live.generated) {
    remedy.push(`ALTER TABLE ${table.name} DROP COLUMN ${wanted.name};`, ...addColumn(table, wanted))
  } else {
    if (wanted.type !== live.type) remedy.push(...changeType(alter, { wanted, live }))
    if (wanted.default !== live.default) remedy.push(...changeDefault(table, wanted))
    if (wanted.notNull !== live.notNull) remedy.push(`${alter} ${wanted.notNull ? 'SET' : 'DROP'} NOT NULL;`)
  }
  if (remedy.length === 0) return []
  return [{ object: `column ${table.name}.${wanted.name}`, wanted: describe(wanted), found: describe(live), remedy }]
}

function addColumn(table: Table, column: Column): string[] {
  return [
    `ALTER TABLE ${table.name} ADD COLUMN ${columnDefinition(column)};`,
    ...comment(`COLUMN ${table.name}.${column.name}`, column.comment),
  ]
}

/** A default of the old type may have no cast to the new one, so it makes room first. */
function changeType(alter: string, { wanted, live }: Pair<Column>): string[] {
  const change = `${alter} TYPE ${wanted.type} USING ${wanted.name}::${wanted.type.replace(/ COLLATE .*$/, '')};`
  if (live.default === null || live.default === 'serial') return [change]
  const restore = wanted.default === live.default ? [`${alter} SET DEFAULT ${wanted.default};`] : []
  return [`${alter} DROP DEFAULT;`, change, ...restore]
}

function changeDefault(table: Table, { name, default: value }: Column): string[] {
  const alter = `ALTER TABLE ${table.name} ALTER COLUMN ${name}`
  if (value === null) return [`${alter} DROP DEFAULT;`]
  if (value !== 'serial') return [`${alter} SET DEFAULT ${value};`]
  const sequence = `${table.name}_${name}_seq`
  return [
    `CREATE SEQUENCE IF NOT EXISTS ${sequence} OWNED BY ${table.name}.${name};`,
    `SELECT setval('${sequence}', coalesce(max(${name}), 0) + 1, false) FROM ${table.name};`,
    `${alter} SET DEFAULT nextval('${sequence}');`,
  ]
}

function extraColumn(table: Table, { name }: Column): Finding[] {
  const object = `column ${table.name}.${name}`
  if (table.schema === 'pgboss') return []
  if (table.schema !== 'fleet') return [{ object, note: null }]
  return [
    {
      object,
      wanted: nothing,
      found: 'a column of others',
      remedy: [`ALTER TABLE ${table.name} DROP COLUMN ${name};`],
    },
  ]
}

function describe({ type, notNull, default: value, generated }: Column): string {
  const parts = [type]
  if (notNull) parts.push('NOT NULL')
  if (value === 'serial') parts.push('numbered by a sequence')
  else if (value !== null) parts.push(`DEFAULT ${value}`)
  if (generated !== null) parts.push(`GENERATED ALWAYS AS (${generated}) STORED`)
  return parts.join(' ')
}

import { type Kysely, sql } from 'kysely'
import { compareColumns } from '../catalogue/column-comparison.ts'
import { type Difference, type Pair, pair } from '../catalogue/finding.ts'
import type { Column, Table } from '../catalogue/table.ts'
import { foundTables } from './platform-tables.ts'
import type { Scene } from './preflight.ts'

/** Columns of the platform that are of another type, take NULL or not, or are missing where rows would need a value. */
export async function findColumns(scene: Scene): Promise<Difference[]> {
  const findings: Difference[] = []
  for (const table of foundTables(scene)) {
    if (table.live.partitionedBy !== null && table.wanted.partitionedBy === null) findings.push(partitioned(table))
    findings.push(...(await findMissing(scene.db, table)))
    findings.push(...(await findMismatches(scene.db, table)))
  }
  return findings
}

function partitioned({ wanted, live }: Pair<Table>): Difference {
  return {
    object: `table ${wanted.name}`,
    wanted: 'a table in one piece, which later migrations divide',
    found: `partitioned by ${live.partitionedBy}`,
    remedy: [
      `ALTER TABLE ${live.name} RENAME TO ${live.name.replace(/^.*\./, '')}_before_fleet;`,
      '-- then copy its rows into a table of that name in one piece',
    ],
  }
}

async function findMissing(db: Kysely<unknown>, { wanted, live }: Pair<Table>): Promise<Difference[]> {
  const { missing } = pair(wanted.columns, live.columns, ({ name }) => name)
  const needed = missing.filter((column) => column.default === 'serial' || (column.notNull && column.default === null))
  if (needed.length === 0 || !(await mayRead(db, live))) return []
  const rows = await count(db, sql`SELECT count(*) FROM ${sql.raw(live.name)}`)
  return needed
    .filter((column) => column.default === 'serial' || rows > 0)
    .map((column) => ({
      object: `column ${wanted.name}.${column.name}`,
      wanted: `${column.type} NOT NULL`,
      found: `nothing, and ${rows} rows that would need a value`,
      remedy: addColumn(wanted, column),
    }))
}

function addColumn({ name: table }: Table, { name, type, default: fallback }: Column): string[] {
  if (fallback === 'serial') return [`ALTER TABLE ${table} ADD COLUMN ${name} serial;`]
  return [
    `ALTER TABLE ${table} ADD COLUMN ${name} ${type};`,
    `-- give ${name} a value in every row, then:`,
    `ALTER TABLE ${table} ALTER COLUMN ${name} SET NOT NULL;`,
  ]
}

/** A default that differs is no obstacle: adoption sets it. */
async function findMismatches(db: Kysely<unknown>, { wanted, live }: Pair<Table>): Promise<Difference[]> {
  const { both } = pair(wanted.columns, live.columns, ({ name }) => name)
  const sameDefaults = both.map(({ wanted: column, live: there }) => ({ ...column, default: there.default }))
  const differences = compareColumns({ wanted: { ...wanted, columns: sameDefaults }, live }).filter(
    (finding) => 'remedy' in finding,
  )
  return Promise.all(
    differences.map(async (difference) => {
      const column = both.find(({ wanted: { name } }) => difference.object === `column ${wanted.name}.${name}`)
      const lacks = column?.wanted.notNull === true && !column.live.notNull
      return lacks && (await mayRead(db, live))
        ? withNulls(db, { table: live, column: column.wanted, difference })
        : difference
    }),
  )
}

async function withNulls(
  db: Kysely<unknown>,
  { table, column, difference }: { readonly table: Table; readonly column: Column; readonly difference: Difference },
): Promise<Difference> {
  const nulls = await count(db, sql`SELECT count(*) FROM ${sql.raw(table.name)} WHERE ${sql.raw(column.name)} IS NULL`)
  if (nulls === 0) return difference
  const fill =
    column.default === null || column.default === 'serial'
      ? `-- give ${column.name} a value in the rows that have none, then:`
      : `UPDATE ${table.name} SET ${column.name} = ${column.default} WHERE ${column.name} IS NULL;`
  return {
    ...difference,
    found: `${difference.found}, with NULL in ${nulls} rows`,
    remedy: [fill, ...difference.remedy],
  }
}

/** What may not be read is named for its owner already. */
export async function mayRead(db: Kysely<unknown>, { name }: Pick<Table, 'name'>): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`SELECT has_table_privilege(${name}, 'SELECT') AS may`.execute(db)
  return rows[0]?.may === true
}

/** The number that a query answers. */
export async function count(db: Kysely<unknown>, query: ReturnType<typeof sql>): Promise<number> {
  const { rows } = await sql<{ count: number }>`SELECT (${query})::float8 AS count`.execute(db)
  return rows[0]?.count ?? 0
}

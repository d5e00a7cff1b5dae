import { readFile, writeFile } from 'node:fs/promises'
import { expectedCatalogue } from '../src/db/catalogue/snapshot.ts'
import type { Table } from '../src/db/catalogue/table.ts'
import { platformColumns } from '../test/migrations/platform-columns.ts'
import { specifiedIndexes } from '../test/migrations/platform-installation.ts'

/** The page whose filter names what the fleet adds to the platform's tables. */
export const alembicPage = new URL('../docs/alembic.md', import.meta.url)

const filter = /(<!-- filter: [^>]*-->\n)[\s\S]*?(\n<!-- end of filter -->)/

/** The page with the filter that goes with the snapshot of the whole schema. */
export async function renderAlembicPage(page: string): Promise<string> {
  const source = renderFilter(await publicTables('fleet'), await publicTables('platform'))
  return page.replace(filter, (_, start: string, end: string) => `${start}\`\`\`python\n${source}\n\`\`\`${end}`)
}

async function publicTables(snapshot: 'platform' | 'fleet'): Promise<Table[]> {
  const { tables } = await expectedCatalogue(snapshot)
  return tables.filter(({ schema }) => schema === 'public')
}

function renderFilter(tables: readonly Table[], original: readonly Table[]): string {
  const known = new Set(platformColumns.map(({ table, column }) => `${table}.${column}`))
  const platform = new Set(platformColumns.map(({ table }) => table))
  const columns = tables.flatMap((table) => table.columns.map(({ name }) => `${bareName(table)}.${name}`))
  // Keys and what the platform has made unique by a constraint are in its models.
  const unique = original.flatMap((table) => table.indexes.filter(({ constraint }) => constraint === 'UNIQUE'))
  const keys = new Set(unique.map(({ name }) => name))
  const indexes = tables.flatMap((table) =>
    table.indexes.filter(({ constraint, name }) => constraint !== 'PRIMARY KEY' && !keys.has(name)),
  )
  return [
    'import re',
    '',
    ...pythonSet(
      'FLEET_COLUMNS',
      columns.filter((column) => !known.has(column) && platform.has(column.replace(/\..*/, ''))),
    ),
    ...pythonSet(
      'FLEET_INDEXES',
      indexes.map(({ name }) => name).filter((name) => !specifiedIndexes.includes(name)),
    ),
    ...pythonSet(
      'FLEET_TABLES',
      tables.map(bareName).filter((name) => !platform.has(name)),
    ),
    body,
  ].join('\n')
}

function pythonSet(name: string, items: readonly string[]): string[] {
  if (items.length === 0) return [`${name} = set()`]
  return [`${name} = {`, ...[...new Set(items)].sort().map((item) => `    "${item}",`), '}']
}

function bareName({ name }: Table): string {
  return name.replace(/^.*\./, '')
}

const body = `FLEET_SCHEMAS = {"fleet", "pgboss"}
FLEET_PARTITION = re.compile(r"(audit_log|ar_view_sessions)_(\\d{4}_\\d\\d|default)")


def include_name(name, type_, parent_names):
    return not (type_ == "schema" and name in FLEET_SCHEMAS)


def include_object(object, name, type_, reflected, compare_to):
    if getattr(object, "schema", None) in FLEET_SCHEMAS:
        return False
    if type_ == "table" and compare_to is not None:
        keep_comments(object, compare_to)
    if not reflected or compare_to is not None:
        return True
    if type_ == "table":
        return name not in FLEET_TABLES and not FLEET_PARTITION.fullmatch(name)
    if type_ == "column":
        return f"{object.table.name}.{name}" not in FLEET_COLUMNS
    if type_ in ("index", "unique_constraint"):
        return name not in FLEET_INDEXES
    if type_ == "foreign_key_constraint":
        return not any(f"{object.table.name}.{column.name}" in FLEET_COLUMNS for column in object.columns)
    return True


def keep_comments(model, found):
    """The fleet describes tables and columns: where a model says nothing, that is no difference."""
    if model.comment is None:
        found.comment = None
    for column in found.columns:
        if column.name in model.columns and model.columns[column.name].comment is None:
            column.comment = None`

if (import.meta.main) await writeFile(alembicPage, await renderAlembicPage(await readFile(alembicPage, 'utf8')))

import { writeFile } from 'node:fs/promises'
import type { Catalogue, Routine, View } from '../src/db/catalogue/catalogue.ts'
import { expectedCatalogue } from '../src/db/catalogue/snapshot.ts'
import type { Column, Table } from '../src/db/catalogue/table.ts'
import { type Reference, referencesOf, renderDiagram, shortName, shortType } from './schema-diagram.ts'

export const schemaPage = new URL('../docs/schema.md', import.meta.url)

const introduction = `# The schema

This page is generated from the database's catalogue and its comments: \`npm run generate:schema-docs\`.

The platform's tables are in schema \`public\`, the fleet's own in schema \`fleet\`; pg-boss has \`pgboss\` to itself. A \`timestamp\` holds UTC, whatever the time zone of the session;
a \`timestamptz\` is a moment in any zone. \`psql\` shows the same words with \`\\d+\`. How the database is compared with this is on [its own page](migrate-check.md).
`

/** `docs/schema.md`: every table and column in a line, as the snapshot of the whole schema has them. */
export function renderSchemaPage(catalogue: Catalogue): string {
  const tables = catalogue.tables.filter(({ schema }) => schema !== 'pgboss')
  const references = tables.flatMap(referencesOf)
  const describe = (table: Table) => renderTable(table, references)
  const routines = catalogue.routines.filter(isForOthers)
  return [
    introduction,
    '## Keys and relations\n',
    renderDiagram(tables, references),
    '## Tables of the platform\n',
    ...tables.filter(({ schema }) => schema === 'public').map(describe),
    '## Tables of the fleet\n',
    ...tables.filter(({ schema }) => schema === 'fleet').map(describe),
    '## Views\n',
    ...catalogue.views.map(renderView),
    '## Functions for other programs\n',
    ...routines.map(renderRoutine),
    '\n## Types\n',
    ...catalogue.enums.filter(({ name }) => !name.startsWith('pgboss.')).map(renderEnum),
  ]
    .join('\n')
    .concat('\n')
}

function renderTable(table: Table, references: readonly Reference[]): string {
  const keys = new Set(table.indexes.find(({ constraint }) => constraint === 'PRIMARY KEY')?.definition.match(/\w+/g))
  return [
    `### ${shortName(table.name)}\n`,
    `${table.comment ?? ''}\n`,
    '| column | type | NULL | default | what it holds |',
    '|---|---|---|---|---|',
    ...table.columns.map((column) => renderColumn(column, keys)),
    ...section(renderFacts(table, references)),
    '',
  ].join('\n')
}

/** Set off by an empty line; nothing where there is nothing to say. */
function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines]
}

function renderColumn(column: Column, keys: ReadonlySet<string>): string {
  const { name, type, notNull, generated, comment } = column
  const value =
    column.default === 'serial' ? 'next number' : code(generated ?? column.default?.replaceAll('public.', '') ?? null)
  const label = keys.has(name) ? `**\`${name}\`**` : code(name)
  return `| ${label} | ${shortType(type)} | ${notNull ? '' : 'yes'} | ${value} | ${cell(comment ?? '')} |`
}

function renderFacts(table: Table, references: readonly Reference[]): string[] {
  const { name, partitionedBy, indexes } = table
  const facts: string[] = []
  if (partitionedBy !== null) facts.push(`Partitioned by ${code(partitionedBy)}, a partition for each month.`)
  const mine = references.filter(({ from }) => from === name)
  if (mine.length > 0) {
    const list = mine.map(
      ({ to, columns, rule }) => `${link(to)} by ${code(columns)}${rule === '' ? '' : ` (${rule})`}`,
    )
    facts.push(`Refers to ${list.join(', ')}.`)
  }
  const others = [...new Set(references.filter(({ to, from }) => to === name && from !== name).map(({ from }) => from))]
  if (others.length > 0) facts.push(`Referred to by ${others.map(link).join(', ')}.`)
  const unique = indexes.filter((index) => index.unique && index.constraint !== 'PRIMARY KEY')
  if (unique.length > 0) facts.push(`Unique: ${unique.map(renderIndex).join('; ')}.`)
  const rest = indexes.filter((index) => !index.unique)
  if (rest.length > 0) facts.push(`Indexed: ${rest.map(renderIndex).join('; ')}.`)
  return facts.map((fact) => `- ${fact}`)
}

function renderIndex({ definition }: Table['indexes'][number]): string {
  return code(definition.replace(/^USING (btree )?/, '').replaceAll('::text', ''))
}

function renderView(view: View): string {
  const columns = view.columns.map(({ name, type }) => `${code(name)} ${shortType(type)}`)
  const rights = view.securityInvoker ? ' From PostgreSQL 15 on it reads with its reader’s rights.' : ''
  return `### ${shortName(view.name)}\n\n${view.comment ?? ''}${rights}\n\nColumns: ${columns.join(', ')}.\n`
}

/** What is explained and may be called by everybody; the rest serves triggers, workers and migrations. */
function isForOthers({ schema, result, comment, grants }: Routine): boolean {
  return schema === 'fleet' && result !== 'trigger' && comment !== null && grants.PUBLIC !== undefined
}

function renderRoutine({ name, arguments: given, result, comment }: Routine): string {
  return `- \`${name.replace(/\(.*$/, '')}(${given})\` returns ${code(shortType(result ?? ''))}: ${comment}`
}

function renderEnum({ name, labels }: Catalogue['enums'][number]): string {
  return `- ${code(shortName(name))}: ${labels.join(', ')}`
}

function link(table: string): string {
  return `[${shortName(table)}](#${shortName(table).replaceAll('.', '')})`
}

function code(text: string | null): string {
  return text === null ? '' : `\`${cell(text)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

if (import.meta.main) {
  await writeFile(schemaPage, renderSchemaPage(await expectedCatalogue('fleet')))
}

import type { Table } from '../src/db/catalogue/table.ts'

/** A foreign key. */
export interface Reference {
  readonly from: string
  readonly to: string
  readonly columns: string
  /** What becomes of the row that refers, where that is more than a refusal. */
  readonly rule: string
  /** How many rows may refer to one, and whether each must. */
  readonly isOptional: boolean
  readonly isUnique: boolean
}

export function referencesOf(table: Table): Reference[] {
  return table.constraints.flatMap(({ definition }): Reference[] => {
    const [, columns, to] = /^FOREIGN KEY \((.*?)\) REFERENCES ([^(]+)\(/.exec(definition) ?? []
    if (columns === undefined || to === undefined) return []
    return [
      {
        from: table.name,
        to,
        columns,
        rule: definition.includes('ON DELETE CASCADE')
          ? 'deleted with it'
          : definition.includes('ON DELETE SET NULL')
            ? 'NULL when it is deleted'
            : '',
        isOptional: table.columns.some(({ name, notNull }) => name === columns && !notNull),
        isUnique: table.indexes.some(({ unique, definition: index }) => unique && index === `USING btree (${columns})`),
      },
    ]
  })
}

/** Mermaid: the tables with the columns that are keys or refer to some. */
export function renderDiagram(tables: readonly Table[], references: readonly Reference[]): string {
  return [
    '```mermaid',
    'erDiagram',
    ...references.map(renderRelation),
    ...tables.map((table) => renderEntity(table, references)),
    '```\n',
  ].join('\n')
}

function renderRelation({ from, to, columns, isOptional, isUnique }: Reference): string {
  return `  ${entity(to)} ${isOptional ? '|o' : '||'}--${isUnique ? 'o|' : 'o{'} ${entity(from)} : "${columns}"`
}

function renderEntity(table: Table, references: readonly Reference[]): string {
  const primary = columnsOf(table, (constraint) => constraint === 'PRIMARY KEY')
  const unique = columnsOf(table, (constraint) => constraint !== 'PRIMARY KEY')
  const foreign = references.filter(({ from }) => from === table.name).flatMap(({ columns }) => columns.split(', '))
  const lines = table.columns.flatMap(({ name, type }) => {
    const marks = [
      ...(primary.includes(name) ? ['PK'] : []),
      ...(foreign.includes(name) ? ['FK'] : []),
      ...(unique.includes(name) ? ['UK'] : []),
    ]
    return marks.length === 0
      ? []
      : [`    ${shortType(type).replace(/[ (].*$/, '')} ${name.replaceAll('"', '')} ${marks.join(', ')}`]
  })
  const label = table.schema === 'public' ? '' : `["${table.name}"]`
  return `  ${entity(table.name)}${label} {\n${lines.join('\n')}\n  }`
}

/** Of unique indexes over plain columns and all rows; a key of several columns makes none of them unique. */
function columnsOf({ indexes }: Table, belongs: (constraint: string | null) => boolean): string[] {
  return indexes
    .filter(({ unique, constraint }) => unique && belongs(constraint))
    .map(({ definition }) => /^USING btree \(([\w, ]+)\)$/.exec(definition)?.[1]?.split(', ') ?? [])
    .filter((columns) => columns.length === 1 || belongs('PRIMARY KEY'))
    .flat()
}

function entity(table: string): string {
  return shortName(table).replaceAll('.', '_')
}

/** Without `public`. */
export function shortName(name: string): string {
  return name.replace(/^public\./, '')
}

export function shortType(type: string): string {
  return shortName(type)
    .replace('character varying', 'varchar')
    .replace('timestamp without time zone', 'timestamp')
    .replace('timestamp with time zone', 'timestamptz')
    .replace('time without time zone', 'time')
}

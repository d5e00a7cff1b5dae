import type { Difference, Extra } from '../../db/catalogue/finding.ts'
import { checkSchema, foundAnything, type SchemaCheck } from '../../ops/schema-check.ts'
import type { Answer } from '../answer.ts'
import { exitStatus } from '../exit-status.ts'
import { printable, printableLines } from '../printable.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, renderTable } from '../table.ts'
import { countOf, formatCount } from '../words.ts'

export async function checkDatabase(session: Session): Promise<Answer> {
  const db = await session.openDatabase({ direct: true, unmigrated: true })
  const check = await session.progress('Reading the catalogue', () => checkSchema(db))
  const found = foundAnything(check)
  const { migrations, comparison, rows, foreignKeys, indexes } = check
  return {
    document: {
      clean: !found,
      migrations,
      compared: comparison !== null,
      differences: comparison?.differences ?? [],
      extras: comparison?.extras ?? [],
      rows,
      foreignKeys,
      indexes,
    },
    text: (screen) => render(check, screen),
    exitStatus: found ? exitStatus.found : exitStatus.done,
  }
}

function render(check: SchemaCheck, screen: Screen): string {
  const { comparison, rows, foreignKeys, indexes } = check
  const { bold } = screen.colors
  const sections = [
    `${bold('Migrations')}\n${renderMigrations(check, screen)}`,
    ...renderDifferences(comparison?.differences ?? [], screen),
    ...renderExtras(comparison?.extras ?? [], screen),
    `${bold('Rows')}\n${renderRows(rows, screen)}`,
    `${bold('Foreign keys')}\n${renderForeignKeys(foreignKeys, screen)}`,
    `${bold('Indexes')}\n${renderIndexes(indexes)}\n`,
    verdict(check, screen),
  ]
  return sections.join('\n')
}

function renderMigrations({ migrations, comparison }: SchemaCheck, { colors }: Screen): string {
  const { applied, pending, unknown, edited } = migrations
  const lines = [`${formatCount(applied)} applied, ${formatCount(pending.length)} pending`]
  const list = (names: readonly string[]) => names.map((name) => `  ${printable(name)}`)
  if (pending.length > 0) lines.push(colors.yellow('Pending, to be applied with "fleet migrate up":'), ...list(pending))
  if (unknown.length > 0) lines.push(colors.red('Of a newer release, which should run here instead:'), ...list(unknown))
  if (edited.length > 0) {
    const remedy =
      'put the files back, or note that they make the same with "fleet migrate stamp $(fleet migrate current)"'
    lines.push(colors.red(`Edited since they were applied; ${remedy}:`), ...list(edited))
  }
  if (comparison === null) lines.push('Nothing was compared: without the same migrations everything would differ.')
  return `${lines.join('\n')}\n`
}

function renderDifferences(differences: readonly Difference[], screen: Screen): string[] {
  if (differences.length === 0) return []
  const { bold, red } = screen.colors
  const blocks = differences.map(({ object, wanted, found, remedy }) =>
    [`${red(printable(object))}: wanted ${printable(wanted)}; found ${printable(found)}`, ...renderRemedy(remedy)].join(
      '\n',
    ),
  )
  return [`${bold('Differences, each with what mends it')}\n${blocks.join('\n')}\n`]
}

/** A missing table or role may take dozens of statements: the first ones say what it is about. */
const shownStatements = 6

function renderRemedy(remedy: readonly string[]): string[] {
  const shown = remedy.slice(0, shownStatements).flatMap((statement) => printableLines(statement).split('\n'))
  const rest = remedy.length - shownStatements
  return [...shown, ...(rest > 0 ? [`-- and ${countOf(rest, 'statement')} more: fleet migrate check --json`] : [])].map(
    (line) => `    ${line}`,
  )
}

function renderExtras(extras: readonly Extra[], { colors }: Screen): string[] {
  if (extras.length === 0) return []
  const lines = extras.map(({ object, note }) =>
    note === null ? `  ${printable(object)}` : `  ${printable(object)}: ${colors.yellow(note)}`,
  )
  return [`${colors.bold('Of others, and no fault')}\n${lines.join('\n')}\n`]
}

function renderRows(rows: SchemaCheck['rows'], screen: Screen): string {
  const columns = [{ title: 'TABLE' }, { title: 'ROWS', align: 'right' as const }, { title: 'COUNTED' }]
  const cells = rows.map(({ table, rows: count, counted }): Cell[] => [
    { text: table },
    { text: formatCount(count) },
    { text: counted },
  ])
  return renderTable(columns, cells, screen)
}

function renderForeignKeys(foreignKeys: SchemaCheck['foreignKeys'], screen: Screen): string {
  const columns = [{ title: 'TABLE' }, { title: 'FOREIGN KEY' }, { title: 'VALIDATED' }]
  const cells = foreignKeys.map(({ table, definition, validated }): Cell[] => [
    { text: table },
    { text: definition.replace(/^FOREIGN KEY /, '') },
    { text: validated ? 'yes' : 'no', paint: validated ? undefined : screen.colors.red },
  ])
  return renderTable(columns, cells, screen)
}

function renderIndexes({ count, invalid }: SchemaCheck['indexes']): string {
  const names = invalid.length === 0 ? '' : `: ${invalid.map(printable).join(', ')}`
  return `${formatCount(count)}, of which ${formatCount(invalid.length)} invalid${names}`
}

function verdict(check: SchemaCheck, { colors }: Screen): string {
  if (!foundAnything(check)) return colors.green('The database is what the migrations make.')
  const { pending, unknown, edited } = check.migrations
  const counts = [
    [check.comparison?.differences.length ?? 0, 'difference'],
    [pending.length, 'pending migration'],
    [unknown.length, 'unknown migration'],
    [edited.length, 'edited migration'],
  ] as const
  const parts = counts.filter(([count]) => count > 0).map(([count, noun]) => countOf(count, noun))
  return colors.red(`Found ${parts.join(', ')}.`)
}

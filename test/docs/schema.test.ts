import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { renderSchemaPage, schemaPage } from '../../scripts/generate-schema-docs.ts'
import { expectedCatalogue } from '../../src/db/catalogue/snapshot.ts'

const catalogue = await expectedCatalogue('fleet')
const page = renderSchemaPage(catalogue)

test('docs/schema.md is what `npm run generate:schema-docs` writes now', async () => {
  expect(await readFile(schemaPage, 'utf8')).toBe(page)
})

test('every column of every table has a row of five cells', () => {
  const columns = catalogue.tables.filter(({ schema }) => schema !== 'pgboss').flatMap((table) => table.columns)
  const rows = page.split('\n').filter((line) => /^\| (\*\*)?`/.test(line))
  expect(rows).toHaveLength(columns.length)
  for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(7)
})

test('the diagram has every table and every foreign key', () => {
  const diagram = /```mermaid\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  const tables = catalogue.tables.filter(({ schema }) => schema !== 'pgboss')
  const keys = tables
    .flatMap(({ constraints }) => constraints)
    .filter(({ definition }) => /^FOREIGN KEY/.test(definition))
  expect(diagram.match(/^ {2}\w+(\["[\w.]+"\])? \{$/gm)).toHaveLength(tables.length)
  expect(diagram.match(/^ {2}\w+ (\|\||\|o)--o[{|] \w+ : "[\w, ]+"$/gm)).toHaveLength(keys.length)
})

test('every link within the page leads to a heading', () => {
  const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text.toLowerCase().replaceAll('.', '').replaceAll(' ', '-'),
  )
  for (const [, target] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(headings).toContain(target)
})

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { renderDocumentation } from '../../src/config/documentation.ts'
import { variableNames } from '../../src/config/variables.ts'

test('docs/config.md is what "npm run generate:config-docs" writes', () => {
  expect(readFileSync(resolve(import.meta.dirname, '../../docs/config.md'), 'utf8')).toBe(renderDocumentation())
})

test('every variable has one row of four cells', () => {
  const rows = renderDocumentation()
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  expect(rows.map((row) => row.split('`')[1])).toEqual(variableNames)
  for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(6)
})

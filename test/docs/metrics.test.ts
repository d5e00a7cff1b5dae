import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fleetMetrics, processMetrics } from '../../src/metrics/definitions.ts'
import { renderMetricsPage } from '../../src/metrics/documentation.ts'

it('docs/operations/metrics.md has the metrics of the code; else: npm run generate:metrics-docs', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/operations/metrics.md'), 'utf8')
  expect(page).toBe(renderMetricsPage(page))
  for (const name of Object.keys({ ...processMetrics, ...fleetMetrics })) expect(page).toContain(`| \`${name}\` |`)
})

/**
 * Writes the measured part of docs/benchmarks.md and its chart from bench/results/latest.json.
 *
 *   node bench/render.ts [--check]   with --check writes nothing, and ends with 1 where they are not what the results give
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { installPackages } from './install.ts'
import { renderPage } from './report/page.ts'
import { readResults } from './report/results-file.ts'

installPackages()
const { renderChart } = await import('./report/chart.ts')
const docs = join(import.meta.dirname, '../docs')
const page = join(docs, 'benchmarks.md')
const results = readResults(join(import.meta.dirname, 'results/latest.json'))
const { throughput } = results.measured
const files = new Map([[page, renderPage(readFileSync(page, 'utf8'), results)]])
if (throughput) files.set(join(docs, 'benchmarks.svg'), renderChart(throughput))

for (const [path, content] of files) {
  if (existsSync(path) && readFileSync(path, 'utf8') === content) continue
  if (process.argv.includes('--check')) {
    console.error(`${path} is not what the results give: node bench/render.ts`)
    process.exitCode = 1
  } else {
    writeFileSync(path, content)
  }
}

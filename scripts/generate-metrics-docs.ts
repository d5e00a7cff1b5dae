/** Writes the tables of docs/operations/metrics.md from the definitions of the metrics. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderMetricsPage } from '../src/metrics/documentation.ts'

const page = join(import.meta.dirname, '../docs/operations/metrics.md')
writeFileSync(page, renderMetricsPage(readFileSync(page, 'utf8')))

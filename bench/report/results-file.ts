import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Results } from './results.ts'

/** What `writeResults` has written. */
export function readResults(path: string): Results {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Rounded to what a measurement can know. */
export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true })
  const round = (_key: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value)
  writeFileSync(path, `${JSON.stringify(results, round, 2)}\n`)
}

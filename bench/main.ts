/**
 * Measures the fleet and what it is compared with, on this machine, and writes docs/benchmarks.md anew.
 *
 *   npm run bench -- [options]; --help tells them
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { installPackages } from './install.ts'
import { measureDatabaseCost } from './measurements/database-cost.ts'
import { measureLatency } from './measurements/latency.ts'
import { measureMemory } from './measurements/memory.ts'
import { measureSlowServer } from './measurements/slow-server.ts'
import { measureStart } from './measurements/start.ts'
import { measureThroughput } from './measurements/throughput.ts'
import { measureUrgent } from './measurements/urgent.ts'
import { type MeasurementName, type Options, parseOptions, usage } from './options.ts'
import type { Measured } from './report/results.ts'
import { readResults, writeResults } from './report/results-file.ts'
import { type Arena, openArena } from './support/arena.ts'
import { describeMachine } from './support/machine.ts'

const latest = join(import.meta.dirname, 'results/latest.json')
const measurements: { [Name in MeasurementName]: (arena: Arena, options: Options) => Promise<Measured[Name]> } = {
  throughput: measureThroughput,
  slow: measureSlowServer,
  latency: measureLatency,
  urgent: measureUrgent,
  cost: measureDatabaseCost,
  memory: measureMemory,
  start: measureStart,
}

if (process.argv.includes('--help')) {
  console.log(usage)
} else {
  await run(parseOptions(process.argv.slice(2), latest))
}

async function run(options: Options): Promise<void> {
  installPackages()
  const machine = describeMachine()
  const arena = await openArena(options)
  console.log('Machine:', machine)
  console.log('PostgreSQL:', arena.settings)
  let measured: Measured = {}
  try {
    for (const name of options.only) {
      console.log(`${name} …`)
      const startedAt = performance.now()
      measured = { ...measured, [name]: await measurements[name](arena, options) }
      console.log(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
    }
  } finally {
    await arena.close()
  }
  const { out } = options
  if (out === undefined) {
    console.log(JSON.stringify(measured, undefined, 2))
    return
  }
  const earlier = existsSync(out) ? readResults(out).measured : {}
  writeResults(out, { machine, postgres: arena.settings, measured: { ...earlier, ...measured } })
  if (out === latest) spawnSync(process.execPath, [join(import.meta.dirname, 'render.ts')], { stdio: 'inherit' })
}

/**
 * The crash harness: rounds under load with one fault each, and what is lost or comes twice.
 *
 *   npm run chaos -- [--rounds N] [--seed S] [--only FAULT] [--round K] [--mutate] [--verbose]
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { listFaultPoints } from './fault-points.ts'
import { listFaults } from './faults/catalogue.ts'
import type { Fault } from './faults/fault.ts'
import { runMutations } from './mutation-run.ts'
import { planRound } from './plan.ts'
import { formatHeader, formatRound, formatTotals } from './report.ts'
import { type RoundResult, runRound } from './round.ts'
import { type Scene, setScene, sourceFolder } from './scene.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    only: { type: 'string' },
    round: { type: 'string' },
    mutate: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const points = listFaultPoints(sourceFolder)
const faults = chooseFaults(listFaults(points))
console.log(`seed ${seed}`)
const scene = await setScene()
try {
  const hold = values.mutate ? await runMutations(scene, seed) : await runRounds(scene)
  process.exitCode = hold ? 0 : 1
} finally {
  await scene.remove()
}

async function runRounds(scene: Scene): Promise<boolean> {
  const [first, last] = values.round ? [Number(values.round), Number(values.round)] : [1, Number(values.rounds)]
  const results: RoundResult[] = []
  console.log(formatHeader())
  for (let round = first; round <= last; round += 1) {
    const result = await runRound(scene, planRound(round, { seed, faults }))
    results.push(result)
    console.log(formatRound(result))
    if (values.verbose) for (const { check, evidence } of result.violations) console.log(`  ${check}: ${evidence}`)
  }
  console.log(formatTotals(results, { seed, only: values.only, points: points.length }))
  return results.every(({ violations }) => violations.length === 0)
}

function chooseFaults(all: readonly Fault[]): Fault[] {
  const chosen = all.filter(({ name }) => values.only === undefined || values.only === name)
  if (chosen.length > 0) return chosen
  console.error(`--only takes one of ${all.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

import process from 'node:process'
import { parseArgs } from 'node:util'
import { listFaultPoints } from './fault-points.ts'
import { listFaults } from './faults/catalogue.ts'
import type { Fault } from './faults/fault.ts'
import { mailQueue } from './mail/queue.ts'
import { runMutations } from './mutation-run.ts'
import { notificationQueue } from './notifications/queue.ts'
import { planRound } from './plan.ts'
import type { Queue } from './queue.ts'
import { formatHeader, formatRound, formatTotals } from './report.ts'
import { type RoundResult, runRound } from './round.ts'
import { type Scene, setScene, sourceFolder } from './scene.ts'

const usage = `The crash harness: rounds under load with one fault each, and what is lost or comes twice. docs/chaos.md says more.

  npm run chaos -- [options]

  --queue QUEUE  mail or notifications (mail)
  --rounds N     how many rounds (200)
  --seed S       decides the faults, their order and their parameters (a random one, which is printed)
  --round K      this round alone
  --only FAULT   this kind of fault alone
  --mutate       takes safeguards out, one by one: each must be missed
  --verbose      prints under each round what is broken
`

const { values } = parseArgs({
  options: {
    queue: { type: 'string', default: 'mail' },
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    only: { type: 'string' },
    round: { type: 'string' },
    mutate: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const seed = Number(values.seed)
const queue = chooseByName<Queue>('--queue', values.queue, [mailQueue, notificationQueue])
const points = listFaultPoints(sourceFolder, (file) => queue.isDrainModule(file))
const all = listFaults(queue, points)
const faults: readonly Fault[] = values.only === undefined ? all : [chooseByName('--only', values.only, all)]
console.log(`seed ${seed}`)
const scene = await setScene()
try {
  const hold = values.mutate ? await runMutations(scene, queue, seed) : await runRounds(scene)
  process.exitCode = hold ? 0 : 1
} finally {
  await scene.remove()
}

async function runRounds(scene: Scene): Promise<boolean> {
  const [first, last] = values.round ? [Number(values.round), Number(values.round)] : [1, Number(values.rounds)]
  const results: RoundResult[] = []
  console.log(formatHeader())
  for (let round = first; round <= last; round += 1) {
    const result = await runRound(scene, { queue, plan: planRound(round, { seed, faults }) })
    results.push(result)
    console.log(formatRound(result))
    if (values.verbose) for (const { check, evidence } of result.violations) console.log(`  ${check}: ${evidence}`)
  }
  console.log(formatTotals(results, { queue: queue.name, seed, only: values.only, points: points.length }))
  return results.every(({ violations }) => violations.length === 0)
}

function chooseByName<T extends { readonly name: string }>(option: string, given: string, choices: readonly T[]): T {
  const chosen = choices.find(({ name }) => name === given)
  if (chosen) return chosen
  console.error(`${option} takes one of ${choices.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

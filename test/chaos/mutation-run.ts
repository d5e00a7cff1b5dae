import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Mutation, mutate, mutations } from './mutations.ts'
import type { Queue } from './queue.ts'
import { Random } from './random.ts'
import { formatHeader, formatRound, formatViolations } from './report.ts'
import { type RoundResult, runRound } from './round.ts'
import { type Scene, sourceFolder } from './scene.ts'

/** A fault that needs luck gets so many chances. */
const rounds = 3

/**
 * Takes one safeguard after the other out of the code, and provokes what it is there for; true when every one is missed, and nothing is
 * amiss with all of them in place.
 */
export async function runMutations(scene: Scene, queue: Queue, seed: number): Promise<boolean> {
  const names = Object.keys(queue.directed) as Mutation[]
  for (const name of names) tryOut(name)
  const verdicts: string[] = []
  let good = true
  console.log(formatHeader())
  for (const [index, name] of names.entries()) {
    const whole = await run(scene, name, { queue, seed, round: index + 1, mutated: false })
    const caught = await firstCaught(scene, name, { queue, seed, round: index + 1 })
    good &&= caught !== undefined && whole.violations.length === 0
    verdicts.push(`without the ${name}: ${caught ? `caught: ${caught}` : 'NOT caught'}`)
    verdicts.push(...formatViolations(whole, { queue: queue.name, seed }))
  }
  console.log(['', ...verdicts, good ? 'All mutations are caught.' : 'NOT all mutations are caught.'].join('\n'))
  return good
}

interface Run {
  readonly queue: Queue
  readonly seed: number
  readonly round: number
}

/** The guarantees that were seen broken. */
async function firstCaught(scene: Scene, name: Mutation, { queue, seed, round }: Run): Promise<string | undefined> {
  for (let attempt = 0; attempt < rounds; attempt += 1) {
    const { violations } = await run(scene, name, { queue, seed: seed + attempt, round, mutated: true })
    if (violations.length > 0) return [...new Set(violations.map(({ check }) => check))].join('; ')
  }
  return undefined
}

async function run(scene: Scene, name: Mutation, options: Run & { readonly mutated: boolean }): Promise<RoundResult> {
  const { queue, seed, round, mutated } = options
  const strike = queue.directed[name]
  if (!strike) throw new Error(`Nothing provokes what the ${name} is there for`)
  const fault = mutated ? `no ${name}` : 'nothing taken out'
  const plan = { round, fault, strike, random: new Random(seed, round) }
  const result = await runRound(scene, { queue, plan, mutation: mutated ? name : undefined })
  console.log(formatRound(result))
  return result
}

/** Throws where the code has changed, before any time is spent. */
function tryOut(name: Mutation): void {
  for (const { file } of mutations[name]) mutate(name, file, readFileSync(join(sourceFolder, file), 'utf8'))
}

import process from 'node:process'
import { parseArgs } from 'node:util'
import { migrateUp } from '../../../src/db/migrator.ts'
import { startCluster, type TestCluster } from '../../support/cluster.ts'
import { copyTestDatabase, createEmptyTestDatabase } from '../../support/database.ts'
import { removeLeftovers } from '../../support/temporary-folder.ts'
import { createWorkerLogin } from '../../support/worker-login.ts'
import { simulateYear, writingZones, type Year } from './simulation.ts'

const usage = `A year of subscriptions in a real database, against a model of what the fleet is to do. docs/subscriptions.md says more.

  npm run simulate -- [options]

  --seeds N      how many years (50)
  --first S      the first seed; the others follow it (1)
  --at-once N    how many go by at the same time (2)
`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50' },
    first: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}
await removeLeftovers()
const cluster = await startCluster()
try {
  process.exitCode = (await simulateAll(cluster)) ? 0 : 1
} finally {
  await cluster.remove()
}

/** Answers whether all years went as the model says. */
async function simulateAll({ adminUrl }: TestCluster): Promise<boolean> {
  await createWorkerLogin(adminUrl)
  const template = await makeTemplate(adminUrl)
  const [first, count, lanes] = [Number(values.first), Number(values.seeds), Number(values['at-once'])]
  const seeds = Array.from({ length: count }, (_, index) => first + index).values()
  const differences: string[] = []
  const began = performance.now()
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const seed of seeds) {
        const { difference } = await simulateOne(seed, () => copyTestDatabase(adminUrl, template))
        if (difference) differences.push(difference)
      }
    }),
  )
  for (const difference of differences) console.log(`\n${difference}`)
  console.log(`${count} years in ${secondsSince(began)} s, ${differences.length} of them not as the model says`)
  return differences.length === 0
}

async function makeTemplate(adminUrl: string): Promise<string> {
  const database = await createEmptyTestDatabase(adminUrl)
  await migrateUp(database.db)
  await database.close()
  return new URL(database.url).pathname.slice(1)
}

async function simulateOne(seed: number, create: () => ReturnType<typeof copyTestDatabase>): Promise<Year> {
  const began = performance.now()
  const database = await create()
  try {
    const year = await simulateYear(database, { seed, zones: writingZones })
    const counts = Object.entries(year.counts).map(([what, count]) => `${count} ${what}`)
    console.log(
      `seed ${seed}: ${counts.join(', ')} in ${secondsSince(began)} s: ${year.difference ? 'differs' : 'the same'}`,
    )
    return year
  } finally {
    await database.drop()
  }
}

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1_000).toFixed(1)
}

import process from 'node:process'
import { parseArgs } from 'node:util'
import type { Measured } from './report/results.ts'

export type MeasurementName = keyof Measured

const measurementNames: readonly MeasurementName[] = [
  'throughput',
  'slow',
  'latency',
  'urgent',
  'cost',
  'memory',
  'start',
]

/** These read what Linux tells of processes. */
const linuxOnly: readonly MeasurementName[] = ['cost', 'memory']
const possible = measurementNames.filter((name) => process.platform === 'linux' || !linuxOnly.includes(name))

export interface Options {
  readonly only: readonly MeasurementName[]
  readonly runs: number
  readonly mails: number
  readonly connections: number
  /** For how long a run against the slow server should take. */
  readonly slowSeconds: number
  /** How many processes compete with one there. */
  readonly slowProcesses: number
  readonly latencySamples: number
  readonly urgentSamples: number
  readonly waiting: number
  /** Rows of history, the fewer and the more. */
  readonly history: readonly [number, number]
  /** After how many mails the memory is read, at first and at last. */
  readonly memoryMails: readonly [number, number]
  readonly starts: number
  /** Whether PostgreSQL keeps what it says it has; what it costs to do so is most of what is measured. */
  readonly durable: boolean
  /** Where the results go; undefined for nowhere but the terminal. */
  readonly out: string | undefined
}

const full = {
  runs: 5,
  mails: 20_000,
  connections: 20,
  slowSeconds: 10,
  slowProcesses: 8,
  latencySamples: 2_000,
  urgentSamples: 1_000,
  waiting: 100_000,
  history: [10_000, 1_000_000],
  memoryMails: [100_000, 1_000_000],
  starts: 20,
  durable: true,
} as const

/** Enough to see that everything runs; the figures say nothing. */
const smoke = {
  runs: 1,
  mails: 40,
  connections: 4,
  slowSeconds: 0.3,
  slowProcesses: 2,
  latencySamples: 3,
  urgentSamples: 3,
  waiting: 300,
  history: [100, 200],
  memoryMails: [40, 80],
  starts: 1,
  durable: false,
} as const

export const usage = `npm run bench -- [options]
  --only NAME,…       of ${measurementNames.join(', ')}
  --mails N           in a run of throughput and cost (${full.mails})
  --runs N            of which the median counts (${full.runs})
  --connections N     to the mail server (${full.connections})
  --memory-mails N    after which the memory is read at last; at first after a tenth (${full.memoryMails[1]})
  --smoke             everything, tiny
  --out FILE          JSON; what was not measured stays as it was there (bench/results/latest.json, unless --only or --smoke)`

/** Throws a TypeError on what it does not know. */
export function parseOptions(args: readonly string[], latest: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      mails: { type: 'string' },
      runs: { type: 'string' },
      connections: { type: 'string' },
      'memory-mails': { type: 'string' },
      smoke: { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  })
  const base = values.smoke ? smoke : full
  const last = count(values['memory-mails'], base.memoryMails[1])
  return {
    ...base,
    only: values.only?.split(',').map(measurementName) ?? possible,
    mails: count(values.mails, base.mails),
    runs: count(values.runs, base.runs),
    connections: count(values.connections, base.connections),
    memoryMails: values['memory-mails'] === undefined ? base.memoryMails : [Math.ceil(last / 10), last],
    out: values.out ?? (values.only === undefined && !values.smoke ? latest : undefined),
  }
}

function count(given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given)
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`${given} is no count`)
  return value
}

function measurementName(given: string): MeasurementName {
  const known = measurementNames.find((name) => name === given)
  if (known === undefined) throw new TypeError(`${given} is none of ${measurementNames.join(', ')}`)
  return known
}

import type { Queue } from './queue.ts'
import type { RoundResult } from './round.ts'

const columns = [
  ['round', 5],
  ['fault', 24],
  ['rows', 6],
  ['accepted', 8],
  ['lost', 5],
  ['duplicates', 10],
  ['ambiguous', 9],
  ['held', 5],
  ['recovery', 8],
] as const

export function formatHeader(): string {
  return line(columns.map(([title]) => title))
}

export function formatRound({ plan, tally, recoveryMs, violations }: RoundResult): string {
  const { rows, accepted, lost, duplicates, ambiguous, held } = tally
  const figures = [rows, accepted, lost, duplicates, ambiguous, held].map(String)
  const verdict = violations.length === 0 ? '' : '  BROKEN'
  return `${line([String(plan.round), plan.fault, ...figures, seconds(recoveryMs)])}  ${plan.strike.detail}${verdict}`
}

/** What a run was asked for. */
export interface Request {
  readonly queue: Queue['name']
  readonly seed: number
  readonly only?: string | undefined
}

export interface Totals extends Request {
  /** How many fault points there are. */
  readonly points: number
}

/** The last lines: sums, which fault points were reached, and what does not hold. */
export function formatTotals(results: readonly RoundResult[], totals: Totals): string {
  const sum = (name: keyof RoundResult['tally']): number => results.reduce((total, { tally }) => total + tally[name], 0)
  const slowest = Math.max(0, ...results.map(({ recoveryMs }) => recoveryMs))
  return [
    '',
    `rows ${sum('rows')}, lost ${sum('lost')}, duplicates ${sum('duplicates')}, ambiguous ${sum('ambiguous')}, ` +
      `slowest recovery ${seconds(slowest)}`,
    ...formatPoints(results, totals.points),
    ...results.flatMap((result) => formatViolations(result, totals)),
    results.every(({ violations }) => violations.length === 0) ? 'All guarantees hold.' : 'NOT all guarantees hold.',
  ].join('\n')
}

const mostShown = 10

export function formatViolations({ plan, violations }: RoundResult, { queue, seed, only }: Request): string[] {
  if (violations.length === 0) return []
  const restriction = only === undefined ? '' : ` --only ${only}`
  const shown = violations.slice(0, mostShown).map(({ check, evidence }) => `  BROKEN: ${check}: ${evidence}`)
  if (violations.length > mostShown) shown.push(`  and ${violations.length - mostShown} more`)
  return [
    `round ${plan.round}, ${plan.fault}: ${plan.strike.detail}`,
    ...shown,
    `  again: npm run chaos -- --queue ${queue} --seed ${seed}${restriction} --round ${plan.round}`,
  ]
}

function formatPoints(results: readonly RoundResult[], all: number): string[] {
  const aimed = new Set(results.flatMap(({ plan }) => plan.strike.orders?.map(({ name }) => name) ?? []))
  if (aimed.size === 0) return []
  const reached = new Set(results.flatMap((result) => result.reached))
  const missed = [...aimed].filter((name) => !reached.has(name))
  return [
    `fault points: ${all}, of which ${aimed.size} were aimed at and ${reached.size} reached`,
    ...(missed.length > 0 ? [`  not reached: ${missed.join(' ')}`] : []),
  ]
}

function line(cells: readonly string[]): string {
  return columns.map(([, width], at) => pad(cells[at] ?? '', at === 1 ? -width : width)).join(' ')
}

/** To the left where the width is negative. */
function pad(text: string, width: number): string {
  return width < 0 ? text.padEnd(-width) : text.padStart(width)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

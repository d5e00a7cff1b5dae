import type { Difference } from './comparison.ts'
import type { Ledger } from './model/ledger.ts'
import { showMoment } from './moments.ts'

interface Circumstances {
  readonly seed: number
  readonly now: number
  readonly ledger: Ledger
}

const shown = 6

/** For whoever has to find the cause: what differs, and what the model knows of each subscription concerned. Undefined for nothing. */
export function describeDifferences(
  differences: readonly Difference[],
  { seed, now, ledger }: Circumstances,
): string | undefined {
  if (differences.length === 0) return undefined
  const first = differences.toSorted((a, b) => rank(a) - rank(b)).slice(0, shown)
  const names = new Set(first.flatMap(({ key }) => concerned(key, ledger)))
  return [
    `Seed ${seed}, ${showMoment(now)}: ${differences.length} not as the model says`,
    ...first.map(describeDifference),
    ...[...names].map((name) => describeSubscription(ledger, name)),
  ].join('\n')
}

/** Whose story tells how it came to that: of content its project's, too. */
function concerned(key: string, { world }: Ledger): string[] {
  const [table, id] = key.split(' ')
  const project = table === 'ar_content' ? world.ar_content.get(Number(id))?.project_id : undefined
  return [`${table} ${id}`, ...(project ? [`projects ${project}`] : [])]
}

/** Decisions before what follows from them. */
function rank({ key }: Difference): number {
  return key.includes('#') ? 2 : key.split(' ').length > 2 ? 0 : 1
}

function describeDifference({ key, expected, found }: Difference): string {
  return `\n${key}\n  expected ${expected ?? 'nothing'}\n  found    ${found ?? 'nothing'}`
}

function describeSubscription(ledger: Ledger, name: string): string {
  const notices = ledger
    .noticesOf(name)
    .flatMap(({ key, outcome, reason, messages }) => [
      `  notice ${key}: ${outcome} ${reason ?? ''}`,
      ...messages.map((message) => `    ${message.channel} ${message.status}`),
    ])
  return [`\n${name}`, ...ledger.story(name).map((line) => `  ${line}`), ...notices].join('\n')
}

import { formatRelative } from '../../runtime/durations.ts'

/** Why something is as it is: one sentence, and what it rests on. */
export interface Explanation<State extends string> {
  readonly state: State
  /** For people, with times in UTC. */
  readonly sentence: string
  /** In the order of time. */
  readonly evidence: readonly Evidence[]
  /** The command that helps, or what else does; null where nothing has to be done. */
  readonly remedy: string | null
}

export interface Evidence {
  readonly at: Date
  readonly text: string
}

/** `14:05:00 UTC (in 12 min)`; with the date where it is another day. */
export function clock(time: Date, now: Date): string {
  // What PostgreSQL calls `infinity` is read as a number.
  if (!(time instanceof Date)) return String(time).toLowerCase()
  const [day, rest = ''] = time.toISOString().split('T')
  const date = day === now.toISOString().slice(0, 10) ? '' : `${day} `
  return `${date}${rest.slice(0, 8)} UTC (${formatRelative(time, now)})`
}

/** `the first`, `attempt 4`. */
export function ordinal(attempt: number): string {
  return ['', 'the first', 'the second', 'the third'][attempt] ?? `attempt ${attempt}`
}

export function byTime(evidence: readonly Evidence[]): Evidence[] {
  return evidence.toSorted((a, b) => a.at.getTime() - b.at.getTime())
}

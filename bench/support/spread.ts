import type { Spread } from '../report/results.ts'
import { quantile } from './quantiles.ts'

/** The middle, the slow end and the slowest of some times. */
export function spread(times: readonly number[]): Spread {
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: Math.max(...times) }
}

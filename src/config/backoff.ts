import type { Reading } from '../runtime/reading.ts'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const longestMs = 30 * 86_400_000

/** Reads `2m-4h`: the first and the last delay, in milliseconds; whole numbers with the unit ms, s, m, h or d. */
export function readBackoff(text: string): Reading<{ firstMs: number; lastMs: number }> {
  const [, first, firstUnit, last, lastUnit] = /^(\d{1,9})(ms|s|m|h|d)\s*-\s*(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  const firstMs = durationMs(first, firstUnit)
  const lastMs = durationMs(last, lastUnit)
  if (Number.isNaN(firstMs) || Number.isNaN(lastMs)) return { reason: 'is not two durations with their units' }
  if (firstMs === 0) return { reason: 'has a first delay of nothing' }
  if (firstMs > lastMs) return { reason: 'has a first delay longer than the last' }
  if (lastMs > longestMs) return { reason: 'has a last delay longer than 30d' }
  return { value: { firstMs, lastMs } }
}

function durationMs(digits: string | undefined, unit: string | undefined): number {
  return Number(digits) * (unitMs[unit ?? ''] ?? Number.NaN)
}

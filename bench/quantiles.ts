/** The q-quantile (0 to 1) of some numbers, by nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

/** Milliseconds, for a table. */
export function ms(value: number): string {
  return `${value.toFixed(2)} ms`
}

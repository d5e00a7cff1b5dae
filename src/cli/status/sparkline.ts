const bars = '▁▂▃▄▅▆▇█'

/** The values as bars, as many beside each other as are wanted: each is the sum of its part. Nothing is blank, the most is full. */
export function sparkline(values: readonly number[], width: number): string {
  const size = values.length / width
  const sums = Array.from({ length: width }, (_, place) =>
    values.slice(Math.round(place * size), Math.round((place + 1) * size)).reduce((sum, value) => sum + value, 0),
  )
  const most = Math.max(...sums)
  if (most === 0) return ''
  return sums.map((sum) => (sum === 0 ? ' ' : bars[Math.ceil((sum / most) * bars.length) - 1])).join('')
}

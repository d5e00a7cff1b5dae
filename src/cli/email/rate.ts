import type { Reading } from '../../runtime/reading.ts'

const perSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }
export const rateForms = 'a rate such as 50/s, 300/m or 1000/h'

/** Reads `50/s`, `300/m`, `1000/h` as how many in a second. Never throws. */
export function readRate(text: string): Reading<number> {
  const [, count, unit = ''] = /^(\d{1,6}) ?\/ ?(s|m|h)$/.exec(text.trim()) ?? []
  if (count === undefined) return { reason: 'is no rate' }
  if (Number(count) === 0) return { reason: 'lets nothing through' }
  return { value: Number(count) / (perSeconds[unit] ?? 1) }
}

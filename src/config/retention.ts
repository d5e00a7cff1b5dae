import type { Reading } from '../runtime/reading.ts'

/** How long rows are kept; `off` for ever. */
export type Retention = { readonly count: number; readonly unit: 'days' | 'months' } | 'off'

const days = { count: 1, unit: 'days' } as const
const months = { count: 1, unit: 'months' } as const
const years = { count: 12, unit: 'months' } as const
const units = { d: days, day: days, days, month: months, months, year: years, years } as const
const most = { days: 36_500, months: 1_200 } as const

/** Reads `400d`, `400 days`, `13 months`, `2 years` or `off`. */
export function readRetention(text: string): Reading<Retention> {
  if (text === 'off') return { value: 'off' }
  const [, digits, word = ''] = /^(\d{1,9}) ?([a-z]+)$/.exec(text) ?? []
  if (digits === undefined) return { reason: 'is neither a number with its unit nor `off`' }
  if (!isUnit(word)) return { reason: `has the unit "${word}", which is none of days, months and years` }
  const { count: size, unit } = units[word]
  const count = Number(digits) * size
  if (count === 0) return { reason: 'would keep nothing' }
  if (count > most[unit]) return { reason: 'is more than a hundred years' }
  return { value: { count, unit } }
}

function isUnit(word: string): word is keyof typeof units {
  return Object.hasOwn(units, word)
}

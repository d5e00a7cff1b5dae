import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sparkline } from '../../../src/cli/status/sparkline.ts'

it.each([
  [[0, 0, 0], 3, ''],
  [[1, 2, 4, 8], 4, '▁▂▄█'],
  [[0, 8, 0, 8], 2, '██'],
  [[0, 1, 1000], 3, ' ▁█'],
])('%j in %i places is "%s"', (values, width, bars) => {
  expect(sparkline(values, width)).toBe(bars)
})

it('is as wide as asked for, full at its highest, and blank only where nothing was (property)', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000), { minLength: 60, maxLength: 60 }), (values) => {
      const bars = [...sparkline(values, 15)]
      if (values.every((value) => value === 0)) return bars.length === 0
      const parts = Array.from({ length: 15 }, (_, n) => values.slice(n * 4, n * 4 + 4).some((value) => value > 0))
      return bars.length === 15 && bars.includes('█') && parts.every((some, n) => some === (bars[n] !== ' '))
    }),
  )
})

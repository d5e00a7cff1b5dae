import { expect, test } from 'vitest'
import { readRetention } from '../../src/config/retention.ts'

test.each([
  ['off', 'off'],
  ['400d', { count: 400, unit: 'days' }],
  ['1 day', { count: 1, unit: 'days' }],
  ['400 days', { count: 400, unit: 'days' }],
  ['1 month', { count: 1, unit: 'months' }],
  ['13months', { count: 13, unit: 'months' }],
  ['1 year', { count: 12, unit: 'months' }],
  ['100 years', { count: 1_200, unit: 'months' }],
])('%s is a retention', (text, value) => {
  expect(readRetention(text)).toEqual({ value })
})

test.each([
  ['0 days', 'would keep nothing'],
  ['13 weeks', 'has the unit "weeks", which is none of days, months and years'],
  ['13m', 'has the unit "m", which is none of days, months and years'],
  ['13', 'is neither a number with its unit nor `off`'],
  ['101 years', 'is more than a hundred years'],
])('%s is none: it %s', (text, reason) => {
  expect(readRetention(text)).toEqual({ reason })
})

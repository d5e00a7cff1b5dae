import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { renderMatrix } from '../notifications/matrix/render.ts'

test('docs/notification-outcomes.md is what the tests of the channels go through; else: npm run generate:notification-matrix', () => {
  expect(readFileSync(join(import.meta.dirname, '../../docs/notification-outcomes.md'), 'utf8')).toBe(renderMatrix())
})

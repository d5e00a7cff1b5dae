import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { renderDoctorPage } from '../../scripts/doctor-page.ts'
import { databaseChecks, hostChecks, measuringChecks } from '../../src/ops/doctor/checks.ts'
import { generalKinds } from '../../src/ops/doctor/examine-one.ts'

const checks = [...hostChecks, ...measuringChecks, ...databaseChecks]

test('docs/operations/doctor.md is what "npm run generate:doctor-docs" writes', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/operations/doctor.md'), 'utf8')
  expect(page).toBe(renderDoctorPage())
})

test('every check and every code has a name of its own', () => {
  const names = checks.map(({ name }) => name)
  expect(names).toEqual([...new Set(names)])
  const codes = [...checks, { kinds: generalKinds }].flatMap(({ kinds }) => Object.keys(kinds))
  expect(codes).toEqual([...new Set(codes)])
  const rows = [...renderDoctorPage().matchAll(/^\| `([A-Z0-9_]+)` \| (error|warning) \|/gm)].map(([, code]) => code)
  expect(rows).toEqual(codes)
})

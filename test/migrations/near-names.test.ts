import { expect, test } from 'vitest'
import { nearNames } from '../../src/db/near-names.ts'

const names = [
  '20260101000100_create_clock',
  '20260101000200_create_users',
  '20260101000300_create_companies',
  '20260101000400_create_projects',
  '20260101000900_create_audit_log',
]

test.each([
  ['create_projects', ['20260101000400_create_projects']],
  ['20260101000400_create_project', ['20260101000400_create_projects']],
  ['20260101000400', ['20260101000400_create_projects']],
  ['PROJ', ['20260101000400_create_projects']],
  ['creat_compnies', ['20260101000300_create_companies']],
  ['20260101000900_create_auditlog', ['20260101000900_create_audit_log']],
  ['create_', ['20260101000100_create_clock', '20260101000200_create_users', '20260101000300_create_companies']],
  ['weather', []],
  ['', []],
])('near "%s": %j', (given, near) => {
  expect(nearNames(given, names)).toEqual(near)
})

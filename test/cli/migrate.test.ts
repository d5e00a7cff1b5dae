import { afterAll, beforeAll, expect, it } from 'vitest'
import { migrationNames } from '../../src/db/migration-files.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
let names: string[]
beforeAll(async () => {
  names = await migrationNames()
  database = await createEmptyTestDatabase()
  // Past a pooler: what migrates must not look at DATABASE_URL.
  fleet = await createFleet({
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
    DATABASE_DIRECT_URL: database.url,
  })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))

const migrate = (...args: string[]) => fleet.run(['migrate', ...args])
const migrateJson = async (...args: string[]) => (await fleet.json(['migrate', ...args])).document

it('goes from an empty database to the whole schema, a step back, and forth again', async () => {
  const [last = '', beforeLast = ''] = names.toReversed()

  expect(await migrateJson('status')).toEqual({
    migrations: names.map((name) => ({ name, appliedAt: null, appliedBy: null, status: 'pending' })),
    pending: names.length,
  })
  expect((await migrate('up', '--dry-run')).stdout).toBe(`Would apply:\n${names.map((name) => `  ${name}\n`).join('')}`)

  const up = await migrate('up')
  expect(up).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^MIGRATION +DONE +MS\n/) })
  for (const name of names) expect(up.stdout).toMatch(new RegExp(`^${name} +applied +[\\d,]+$`, 'm'))
  expect(await migrate('up')).toEqual({ code: 0, stdout: 'Nothing to do.\n', stderr: '' })
  expect((await migrate('current')).stdout).toBe(`${last}\n`)

  expect(await migrateJson('down', '--yes')).toEqual({
    dryRun: false,
    steps: [{ name: last, direction: 'down', ms: expect.any(Number) }],
  })
  expect((await migrate('status')).stdout).toMatch(
    new RegExp(`\n${last} +pending\n\n1 migration pending: fleet migrate up\n$`),
  )
  expect((await migrate('history')).stdout).toMatch(
    new RegExp(`\n${beforeLast} +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC +\\S+\n$`),
  )

  expect(await migrate('to', names[0] ?? '')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`this reverts ${names.length - 2} migrations with the rows that their tables hold`),
  })
})

it('suggests a name that is like the one given', async () => {
  expect(await fleet.json(['migrate', 'to', '20260201000300_instal_pgboss'])).toEqual({
    code: 2,
    document: {
      error: {
        code: 'MIGRATION_NAME_UNKNOWN',
        message: 'no migration is named 20260201000300_instal_pgboss',
        hint: 'did you mean 20260201000300_install_pgboss?',
      },
    },
  })
})

it('says what failed, and what stays', async () => {
  const [last = '', beforeLast = '', target = ''] = names.toReversed()
  expect(await migrateJson('to', target, '--yes')).toMatchObject({ steps: [{ name: beforeLast, direction: 'down' }] })
  await database.pool.query(`CREATE SCHEMA pgboss; CREATE TYPE pgboss.job_state AS ENUM ('done')`)
  expect(await fleet.json(['migrate', 'up'])).toEqual({
    code: 1,
    document: {
      error: {
        code: 'MIGRATION_FAILED',
        message: expect.stringMatching(new RegExp(`^migration ${last} \\(up\\) failed: `)),
        hint: `done before it, and kept: up ${beforeLast}`,
      },
    },
  })
})

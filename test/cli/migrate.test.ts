import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrationNames } from '../../src/db/migration-files.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
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
    stderr: expect.stringContaining(`this reverts ${names.length - 2} migrations, with what rows their tables hold`),
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
  await migrate('to', '20260201000150_index_email_queue', '--yes')
  await database.pool.query(`CREATE SCHEMA pgboss; CREATE TYPE pgboss.job_state AS ENUM ('done')`)
  expect(await fleet.json(['migrate', 'up'])).toEqual({
    code: 1,
    document: {
      error: {
        code: 'MIGRATION_FAILED',
        message: expect.stringMatching(/^migration 20260201000300_install_pgboss \(up\) failed: /),
        hint: 'done before it, and kept: up 20260201000200_add_email_queue_triggers',
      },
    },
  })
})

describe('sql', () => {
  it('prints what up would execute, without a database', async () => {
    const withoutDatabase = await createFleet({})
    const whole = await withoutDatabase.run(['migrate', 'sql'])
    await withoutDatabase.installation.remove()
    expect(whole).toMatchObject({ code: 0, stderr: expect.stringContaining('this is the SQL for an empty one') })
    const headings = [...whole.stdout.matchAll(/^-- (\S+) \(up\)$/gm)].map(([, name]) => name)
    expect(headings).toEqual(names)
    expect(await migrate('sql', '--from', 'nothing')).toEqual({ code: 0, stdout: whole.stdout, stderr: '' })
  })

  it('prints what the database lacks, or the way back', async () => {
    const [first = '', second = '', third = ''] = names
    const fresh = await createEmptyTestDatabase()
    const local = await createFleet({ DATABASE_URL: fresh.url })
    await local.run(['migrate', 'to', second])
    expect((await local.json(['migrate', 'sql', '--to', third])).document).toMatchObject({
      from: second,
      direction: 'up',
      migrations: [third],
    })
    expect((await local.json(['migrate', 'sql', '--down', '--to', 'nothing'])).document).toMatchObject({
      from: second,
      direction: 'down',
      migrations: [second, first],
    })
    expect(await local.run(['migrate', 'sql', '--to', first])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('give --down to go back'),
    })
    await Promise.all([local.installation.remove(), fresh.drop()])
  })
})

describe('down and to', () => {
  it('say what rows would be lost', async () => {
    const seeded = await createTestDatabase()
    await seeded.pool.query(`INSERT INTO clients (company_id, name) SELECT 1, 'Anna' FROM generate_series(1, 3)`)
    const local = await createFleet({ DATABASE_URL: seeded.url })
    const plan = await local.run(['migrate', 'to', '20260101000400_create_projects', '--dry-run'])
    expect(plan.stdout).toMatch(/\nRows that would be lost:\n(.*\n)* {2}clients: 3\n/)
    expect((await local.json(['migrate', 'down', '--dry-run'])).document).toMatchObject({ dryRun: true, lost: [] })
    expect(await local.run(['migrate', 'to', 'nothing'])).toMatchObject({ code: 2 })
    expect(await local.run(['migrate', 'to', 'nothing', '--yes'])).toMatchObject({ code: 0 })
    await Promise.all([local.installation.remove(), seeded.drop()])
  })
})

describe('stamp', () => {
  it('notes without executing, once it has a yes', async () => {
    const [first = '', second = ''] = names
    const fresh = await createEmptyTestDatabase()
    const local = await createFleet({ DATABASE_URL: fresh.url })
    expect(await local.run(['migrate', 'stamp', second])).toMatchObject({ code: 2 })
    expect((await local.run(['migrate', 'stamp', second, '--dry-run'])).stdout).toBe(
      `Would note 2 migrations up to ${second} as applied; no statement of theirs is executed.\n`,
    )
    expect((await local.json(['migrate', 'stamp', second, '--yes'])).document).toEqual({
      dryRun: false,
      applied: [first, second],
      forgotten: [],
    })
    expect((await local.run(['migrate', 'current'])).stdout).toBe(`${second}\n`)
    expect((await local.run(['migrate', 'stamp', first, '--yes'])).stdout).toContain('1 later one as not applied')
    await Promise.all([local.installation.remove(), fresh.drop()])
  })
})

it('an edited migration is named by status, and up refuses with exit 3', async () => {
  const fresh = await createTestDatabase()
  const local = await createFleet({ DATABASE_URL: fresh.url })
  const [first = ''] = names
  await fresh.pool.query(`UPDATE fleet.migrations SET checksum = 'another' WHERE name = $1`, [first])
  expect((await local.run(['migrate', 'status'])).stdout).toMatch(new RegExp(`^${first} .* edited since$`, 'm'))
  expect(await local.json(['migrate', 'up'])).toMatchObject({
    code: 3,
    document: { error: { code: 'MIGRATION_EDITED' } },
  })
  await Promise.all([local.installation.remove(), fresh.drop()])
})

it('waits for another process no longer than it is told to, and says for whom', async () => {
  const fresh = await createEmptyTestDatabase()
  const local = await createFleet({ DATABASE_URL: fresh.url })
  const holder = await fresh.pool.connect()
  await holder.query(`SELECT pg_advisory_lock(hashtextextended('fleet.migrations', 0))`)
  const refused = await local.run(['migrate', 'up', '--wait', '1'])
  holder.release(true)
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^waiting: PostgreSQL process \d+ \(fleet-test/),
  })
  expect(refused.stderr).toContain('another process is migrating this database')
  await Promise.all([local.installation.remove(), fresh.drop()])
})

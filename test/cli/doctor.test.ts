import { hash } from 'bcryptjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { defaultHash } from '../../src/ops/users/default-administrator.ts'
import { unusableHash } from '../../src/ops/users/password.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let ownHash: string
beforeAll(async () => {
  fleet = await createFleet()
  ownHash = await hash('correct horse', 4)
  return () => fleet.installation.remove()
})

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
  await setHash('admin@vertexar.com', ownHash)
})
afterEach(() => database.drop())

const setHash = (email: string, hashed_password: string) =>
  database.db.updateTable('users').set({ hashed_password }).where('email', '=', email).execute()

async function addUser(email: string, hashed_password: string, is_active = true) {
  await database.db.insertInto('users').values({ email, full_name: 'x', hashed_password, is_active }).execute()
}

const run = (url = database.url) => fleet.run(['doctor'], { env: { DATABASE_URL: url } })

async function diagnose(url = database.url) {
  const { code, document } = await fleet.json(['doctor'], { env: { DATABASE_URL: url } })
  return { code, ...(document as { errors: number; warnings: number; findings: unknown[]; checks: unknown[] }) }
}

describe('fleet doctor', () => {
  it('says of each thing that it is fine, in a line', async () => {
    const { code, stdout, stderr } = await run()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^fine {5}migrations: all \d+ are applied$/m)
    expect(stdout).toContain('fine     drift: the schema is what the migrations make\n')
    expect(stdout).toContain(
      'fine     passwords: no active user logs in with the default password (tried on 1 of 1, administrators first)\n',
    )
    expect(stdout).toMatch(/\n\nNothing is wrong\.\n$/)
  })

  it('finds default passwords, and says how to mend them', async () => {
    await setHash('admin@vertexar.com', defaultHash)
    await addUser("o'neil@example.org", await hash('admin123', 4))
    await addUser('gone@example.org', defaultHash, false)
    await addUser('ann@example.org', ownHash)
    const { code, stdout } = await run()
    expect(code).toBe(3)
    expect(stdout).toContain(
      'error    passwords: admin@vertexar.com (admin) logs in with the default password, admin123\n' +
        '         It is in the documentation: whoever has read that can do what this user may do.\n' +
        '         To mend it: fleet users set-password admin@vertexar.com\n',
    )
    expect(stdout).toContain("fleet users set-password 'o'\\''neil@example.org'")
    expect(stdout).toContain('nobody else logs in with the default password (tried on 3 of 3, administrators first)')
    expect(stdout).toMatch(/\n\n2 errors, 0 warnings\.\n$/)
  })

  it('warns where no administrator can log in, which fails nothing', async () => {
    await database.db.updateTable('users').set({ is_active: false }).execute()
    expect(await diagnose()).toEqual({
      code: 0,
      errors: 0,
      warnings: 1,
      findings: [
        {
          check: 'passwords',
          severity: 'warning',
          code: 'NO_ADMINISTRATOR',
          what: 'no active administrator has a password',
          why: 'Nobody can administer the platform.',
          remedy: 'fleet users add you@example.org --name "Your name" --role admin',
        },
      ],
      checks: expect.arrayContaining([{ name: 'passwords', fine: expect.stringContaining('tried on 0 of 0') }]),
    })
    await database.db.updateTable('users').set({ is_active: true, hashed_password: unusableHash }).execute()
    expect(await diagnose()).toMatchObject({
      code: 0,
      findings: [{ code: 'NO_ADMINISTRATOR', remedy: 'fleet users set-password admin@vertexar.com' }],
    })
  })

  it('warns of hashes that it cannot read, and does not wait for one that takes for ever', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await addUser(`${name}@example.org`, `${name} plain text`)
    await addUser('slow@example.org', defaultHash.replace('$12$', '$31$'))
    expect(await diagnose()).toMatchObject({
      code: 0,
      findings: [
        {
          code: 'PASSWORD_UNREADABLE',
          what: 'the password hash is not one of bcrypt: a@example.org, b@example.org, c@example.org and 1 more',
        },
      ],
      checks: expect.arrayContaining([{ name: 'passwords', fine: expect.stringContaining('tried on 1 of 6') }]),
    })
  })

  it('stops trying after a while, however many users there are, and says how far it came', async () => {
    await database.pool.query(
      `INSERT INTO users (email, full_name, hashed_password)
       SELECT i || '@example.org', 'x', $1 FROM generate_series(1, 100) AS i`,
      [await hash('correct horse', 12)],
    )
    const { code, checks } = await diagnose()
    const [, tried] = /tried on (\d+) of 101/.exec(JSON.stringify(checks)) ?? []
    expect(code).toBe(0)
    expect(Number(tried)).toBeGreaterThan(0)
    expect(Number(tried)).toBeLessThan(101)
  })

  it('finds migrations that are pending, edited or of a newer release', async () => {
    await database.pool.query(`
      DELETE FROM fleet.migrations WHERE name LIKE '20260201%';
      UPDATE fleet.migrations SET checksum = 'another' WHERE name LIKE '20260101001100%';
      INSERT INTO fleet.migrations (name, checksum, applied_by) VALUES ('20990101000000_fly', 'x', 'ann')`)
    expect(await diagnose()).toMatchObject({
      code: 3,
      findings: [
        {
          severity: 'error',
          code: 'MIGRATIONS_PENDING',
          what: expect.stringMatching(/^\d+ pending: 20260201000100_/),
          remedy: 'fleet migrate up',
        },
        {
          severity: 'error',
          code: 'MIGRATIONS_EDITED',
          what: expect.stringContaining('20260101001100_insert_default'),
        },
        { severity: 'warning', code: 'MIGRATIONS_UNKNOWN', what: expect.stringContaining('20990101000000_fly') },
      ],
    })
  })

  it('finds that the schema is not what the migrations make', async () => {
    await database.pool.query(`
      DROP INDEX ix_users_role, ix_users_created_at, ix_users_is_active;
      ALTER TABLE folders ALTER COLUMN name DROP NOT NULL`)
    expect(await diagnose()).toMatchObject({
      code: 3,
      findings: [
        {
          check: 'drift',
          code: 'SCHEMA_DRIFT',
          what: expect.stringMatching(/^4 differences from what the migrations make: .+ and 1 more$/),
          remedy: expect.stringMatching(/^fleet migrate check/),
        },
      ],
    })
  })

  it('has something to say of an empty database, too', async () => {
    const empty = await createEmptyTestDatabase()
    try {
      const { code, findings, checks } = await diagnose(empty.url)
      expect({ code, findings }).toMatchObject({ code: 3, findings: [{ code: 'MIGRATIONS_PENDING' }] })
      expect(checks).toContainEqual({ name: 'drift', fine: expect.stringMatching(/^not looked at until/) })
      expect(checks).toContainEqual({ name: 'passwords', fine: 'there is no table of users yet' })
    } finally {
      await empty.drop()
    }
  })

  it('says what it could not look at, and looks at the rest', async () => {
    await database.pool.query('ALTER TABLE users RENAME hashed_password TO secret')
    const { code, findings, checks } = await diagnose()
    expect({ code, findings }).toMatchObject({
      code: 3,
      findings: [
        { check: 'drift', code: 'SCHEMA_DRIFT' },
        { check: 'passwords', code: 'CHECK_FAILED', what: expect.stringContaining('does not exist') },
      ],
    })
    expect(checks).toContainEqual({ name: 'migrations', fine: expect.stringMatching(/are applied$/) })
    expect(checks).toContainEqual({ name: 'passwords', fine: null })
  })
})

import { hash } from 'bcryptjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Check, DatabaseContext } from '../../../src/ops/doctor/check.ts'
import { driftCheck } from '../../../src/ops/doctor/drift-check.ts'
import { examineAll } from '../../../src/ops/doctor/examine.ts'
import { migrationsCheck } from '../../../src/ops/doctor/migrations-check.ts'
import { createPasswordsCheck, passwordsCheck } from '../../../src/ops/doctor/passwords-check.ts'
import { defaultHash } from '../../../src/ops/users/default-administrator.ts'
import { unusableHash } from '../../../src/ops/users/password.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { hostWith, told } from './host.ts'

let ownHash: string
beforeAll(async () => {
  ownHash = await hash('correct horse', 4)
})

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
  await database.db.updateTable('users').set({ hashed_password: ownHash }).execute()
})
afterEach(() => database.drop())

const examine = (check: Check<DatabaseContext>) => check.examine({ ...hostWith(), db: database.db })

describe('the check of passwords', () => {
  const addUser = (email: string, hashed_password: string, is_active = true) =>
    database.db.insertInto('users').values({ email, full_name: 'x', hashed_password, is_active }).execute()

  it('finds active users who log in with the default one, whoever hashed it', async () => {
    await addUser('ann@example.org', await hash('admin123', 4))
    await addUser('gone@example.org', defaultHash, false)
    await addUser('bob@example.org', ownHash)
    const examination = await examine(passwordsCheck)
    expect(told(examination)).toEqual([
      'error DEFAULT_PASSWORD: ann@example.org (viewer) logs in with the default password, admin123',
    ])
    expect(examination.fine).toMatch(/^nobody else .* \(tried on 3 of 3, administrators first\)$/)
  })

  it('warns where no administrator can log in', async () => {
    await database.db.updateTable('users').set({ is_active: false }).execute()
    const { findings, fine } = await examine(passwordsCheck)
    expect(findings).toEqual([
      {
        severity: 'warning',
        code: 'NO_ADMINISTRATOR',
        what: 'no active administrator has a password',
        why: 'Nobody can administer the platform.',
        remedy: 'fleet users add you@example.org --name "Your name" --role admin',
      },
    ])
    expect(fine).toContain('tried on 0 of 0')
    await database.db.updateTable('users').set({ is_active: true, hashed_password: unusableHash }).execute()
    expect((await examine(passwordsCheck)).findings).toMatchObject([
      { code: 'NO_ADMINISTRATOR', remedy: 'fleet users set-password admin@vertexar.com' },
    ])
  })

  it('warns of hashes that it cannot read, and does not wait for one that takes for ever', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await addUser(`${name}@example.org`, `${name} plain text`)
    await addUser('slow@example.org', defaultHash.replace('$12$', '$31$'))
    const examination = await examine(passwordsCheck)
    expect(told(examination)).toEqual([
      'warning PASSWORD_UNREADABLE: the password hash is not one of bcrypt: a@example.org, b@example.org, c@example.org and 1 more',
    ])
    expect(examination.fine).toContain('tried on 1 of 6')
  })

  it('stops trying after a while, however many users there are, and says how far it came', async () => {
    await database.pool.query(
      `INSERT INTO users (email, full_name, hashed_password)
       SELECT i || '@example.org', 'x', $1 FROM generate_series(1, 1000) AS i`,
      [await hash('correct horse', 10)],
    )
    const { findings, fine } = await examine(createPasswordsCheck({ patienceMs: 200 }))
    const [, tried] = /tried on (\d+) of 1001/.exec(fine ?? '') ?? []
    expect(findings).toEqual([])
    expect(Number(tried)).toBeGreaterThan(0)
    expect(Number(tried)).toBeLessThan(1001)
  })
})

describe('the check of migrations', () => {
  it('finds those that are pending, edited or of a newer release', async () => {
    expect((await examine(migrationsCheck)).fine).toMatch(/^all \d+ are applied$/)
    await database.pool.query(`
      DELETE FROM fleet.migrations WHERE name LIKE '20260201%';
      UPDATE fleet.migrations SET checksum = 'another' WHERE name LIKE '20260101001100%';
      INSERT INTO fleet.migrations (name, checksum, applied_by) VALUES ('20990101000000_fly', 'x', 'ann')`)
    const examination = await examine(migrationsCheck)
    expect(told(examination)).toEqual([
      expect.stringMatching(/^error MIGRATIONS_PENDING: \d+ pending: 20260201000100_/),
      expect.stringMatching(/^error MIGRATIONS_EDITED: .*20260101001100_insert_default/),
      expect.stringMatching(/^warning MIGRATIONS_UNKNOWN: .*20990101000000_fly/),
    ])
    expect(examination.findings[0]?.remedy).toBe('fleet migrate up')
  })
})

describe('the check of drift', () => {
  it('finds that the schema is not what the migrations make', async () => {
    await database.pool.query(`
      DROP INDEX ix_users_role, ix_users_created_at, ix_users_is_active;
      ALTER TABLE folders ALTER COLUMN name DROP NOT NULL`)
    const examination = await examine(driftCheck)
    expect(told(examination)).toEqual([
      expect.stringMatching(/^error SCHEMA_DRIFT: 4 differences from what the migrations make: .+ and 1 more$/),
    ])
    expect(examination.findings[0]?.remedy).toMatch(/^fleet migrate check/)
  })
})

describe('a check that fails', () => {
  it('says what it could not look at, and keeps none of the others from being made', async () => {
    await database.pool.query('ALTER TABLE users RENAME hashed_password TO secret')
    const { checks } = await examineAll({ host: hostWith({ SMTP_URL: 'mailbox:' }), database })
    const of = (name: string) => checks.find((check) => check.name === name)
    expect(of('passwords')?.findings).toMatchObject([
      { severity: 'error', code: 'CHECK_FAILED', what: expect.stringContaining('does not exist') },
    ])
    expect(of('drift')?.findings).toMatchObject([{ code: 'SCHEMA_DRIFT' }])
    expect(of('migrations')?.fine).toMatch(/are applied$/)
  })
})

import { compare } from 'bcryptjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { administratorEmail, admitAdministrator, defaultHash } from '../../src/ops/users/default-administrator.ts'
import { unusableHash } from '../../src/ops/users/password.ts'
import { defaultPassword } from '../../src/runtime/password-rules.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

const admit = (given?: string) => admitAdministrator(database.db, { given, actor: 'up@host' })

async function hashNow(): Promise<string | undefined> {
  const users = await database.db.selectFrom('users').select(['email', 'hashed_password']).execute()
  return users.find(({ email }) => email === administratorEmail)?.hashed_password
}

const entries = () => database.db.selectFrom('audit_log').select(['action', 'actor_email']).execute()

describe('the default administrator', () => {
  it('comes from the migrations with the hash that no password gives', async () => {
    expect(await hashNow()).toBe(unusableHash)
    expect(await compare(defaultPassword, unusableHash)).toBe(false)
  })

  it('gets the default password once, and keeps it', async () => {
    expect(await compare(defaultPassword, defaultHash)).toBe(true)
    expect([await admit(), await admit()]).toEqual(['default', 'default'])
    expect(await hashNow()).toBe(defaultHash)
    expect(await entries()).toEqual([{ action: 'set_password', actor_email: 'up@host' }])
  })

  it.each(['$2b$04$somebodyhasset', 'argon2'])('keeps a password that somebody has set (%s)', async (hash) => {
    await database.db.updateTable('users').set({ hashed_password: hash }).execute()
    expect(await admit()).toBe('own')
    expect(await hashNow()).toBe(hash)
    expect(await entries()).toEqual([])
  })

  it.each([unusableHash, defaultHash, 'argon2'])(
    'gets the one that is given, whatever was there before (%s)',
    async (hash) => {
      await database.db.updateTable('users').set({ hashed_password: hash }).execute()
      expect([await admit('correct horse'), await admit('correct horse')]).toEqual(['given', 'given'])
      expect(await compare('correct horse', (await hashNow()) ?? '')).toBe(true)
      expect(await entries()).toHaveLength(1)
    },
  )

  it('is not made again where somebody has removed it', async () => {
    await database.db.deleteFrom('users').execute()
    expect([await admit(), await admit('correct horse')]).toEqual(['no such user', 'no such user'])
    expect(await hashNow()).toBeUndefined()
  })
})

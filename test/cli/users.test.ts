import { compare } from 'bcryptjs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { unusableHash } from '../../src/ops/users/password.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { hasTerminals, runInTerminal, type } from './terminal.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.url, TERM: 'xterm' })
  await database.pool.query('CREATE EXTENSION pgcrypto')
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(async () => {
  await database.pool.query(`TRUNCATE audit_log; DELETE FROM users WHERE email <> 'admin@vertexar.com'`)
  await database.db
    .updateTable('users')
    .set({ hashed_password: unusableHash, is_active: true, login_attempts: 0, locked_until: null })
    .execute()
})

const password = 'Пароль, с пробелами'

async function insertUser(email: string, values: { readonly [column: string]: unknown } = {}): Promise<number> {
  const row = { email, full_name: 'Somebody', hashed_password: 'x', ...values }
  const { id } = await database.db.insertInto('users').values(row).returning('id').executeTakeFirstOrThrow()
  return id
}

function userOf(email: string) {
  return database.db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirstOrThrow()
}

function auditLog() {
  return database.db
    .selectFrom('audit_log')
    .select(['action', 'entity_type', 'entity_id', 'changes', 'actor_email'])
    .execute()
}

/** What another implementation of bcrypt says. It calls the same algorithm 2a. */
async function logsIn(email: string, given: string): Promise<boolean> {
  const { rows } = await database.pool.query(
    `SELECT crypt($2, replace(hashed_password, '$2b$', '$2a$')) = replace(hashed_password, '$2b$', '$2a$') AS matches
       FROM users WHERE email = $1 AND hashed_password LIKE '$2b$12$%'`,
    [email, given],
  )
  return rows[0]?.matches === true
}

describe('fleet users set-password', () => {
  const set = (email: string, input: string, ...args: string[]) =>
    fleet.run(['users', 'set-password', email, '--password-stdin', ...args], { input })

  it('sets a bcrypt hash that other implementations verify, and writes no trace of it anywhere', async () => {
    const { id } = await userOf('admin@vertexar.com')
    expect(await logsIn('admin@vertexar.com', 'admin123')).toBe(false)
    expect(await set('admin@vertexar.com', `${password}\n`)).toEqual({
      code: 0,
      stdout: 'admin@vertexar.com has a new password.\n',
      stderr: '',
    })
    expect(await logsIn('admin@vertexar.com', password)).toBe(true)
    expect(await logsIn('admin@vertexar.com', `${password}\n`)).toBe(false)
    expect(await compare(password, (await userOf('admin@vertexar.com')).hashed_password)).toBe(true)
    expect(await auditLog()).toEqual([
      {
        action: 'set_password',
        entity_type: 'user',
        entity_id: id,
        changes: {
          email: 'admin@vertexar.com',
          login_attempts: { before: 0, after: 0 },
          locked_until: { before: null, after: null },
        },
        actor_email: expect.stringMatching(/^ann@/),
      },
    ])
  })

  it('finds the user in whatever case, lets a locked one in again, and says who is not active', async () => {
    const lockedUntil = new Date(Date.now() + 3_600_000)
    const id = await insertUser('Ann@Example.org', { login_attempts: 5, locked_until: lockedUntil, is_active: false })
    const { code, document } = await fleet.json(['users', 'set-password', 'ann@example.ORG', '--password-stdin'], {
      input: password,
    })
    expect({ code, document }).toEqual({
      code: 0,
      document: { id, email: 'Ann@Example.org', active: false, wasLocked: true },
    })
    expect(await userOf('Ann@Example.org')).toMatchObject({ login_attempts: 0, locked_until: null, is_active: false })
    expect(await auditLog()).toMatchObject([
      {
        changes: {
          login_attempts: { before: 5, after: 0 },
          locked_until: { before: lockedUntil.toISOString(), after: null },
        },
      },
    ])
    expect((await set('ann@example.org', password)).stdout).toContain('not active')
  })

  it('makes a password where it is asked to, which is told once', async () => {
    const { stdout } = await fleet.run(['users', 'set-password', 'admin@vertexar.com', '--generate'])
    const [, generated = ''] = /^Password: (\w{4}(?:-\w{4}){4})$/m.exec(stdout) ?? []
    expect(await logsIn('admin@vertexar.com', generated)).toBe(true)
    const { document } = await fleet.json(['users', 'set-password', 'admin@vertexar.com', '--generate'])
    const { password: another } = document as { password: string }
    expect(another).not.toBe(generated)
    expect(await logsIn('admin@vertexar.com', another)).toBe(true)
    expect(JSON.stringify(await auditLog())).not.toContain(another)
  })

  it.each([
    ['the default one', 'admin123', /is the default one, which everybody knows/],
    ['one that bcrypt would cut', 'ы'.repeat(37), /is 74 bytes long in UTF-8/],
    ['two lines', 'one line\nanother one\n', /holds a line break/],
  ])('refuses %s', async (_, input, reason) => {
    const { code, stdout, stderr } = await set('admin@vertexar.com', input)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(reason)
    expect(stderr).not.toContain(input.trim())
    expect((await userOf('admin@vertexar.com')).hashed_password).toBe(unusableHash)
    expect(await auditLog()).toEqual([])
  })

  it('says who may be meant where the address is unknown', async () => {
    const { code, document } = await fleet.json(['users', 'set-password', 'admin@vertexr.com', '--generate'])
    expect({ code, document }).toEqual({
      code: 1,
      document: {
        error: {
          code: 'USER_UNKNOWN',
          message: 'no user has the address admin@vertexr.com',
          hint: 'did you mean admin@vertexar.com?',
        },
      },
    })
    expect(await fleet.json(['users', 'unlock', 'somebody@example.org'])).toMatchObject({
      document: { error: { hint: 'fleet users list shows them all' } },
    })
  })

  it('wants the exact address where several differ by case alone', async () => {
    await insertUser('ann@example.org')
    await insertUser('Ann@example.org')
    expect(await fleet.json(['users', 'unlock', 'ANN@example.org'])).toMatchObject({
      code: 1,
      document: {
        error: { code: 'USER_AMBIGUOUS', hint: 'write it as one of them: ann@example.org, Ann@example.org' },
      },
    })
    expect(await fleet.json(['users', 'unlock', 'Ann@example.org'])).toMatchObject({
      code: 0,
      document: { email: 'Ann@example.org' },
    })
  })

  it('asks nobody where no terminal is, and takes one source only', async () => {
    const silent = await fleet.run(['users', 'set-password', 'admin@vertexar.com'], { input: password })
    expect(silent).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--password-stdin') })
    const both = await set('admin@vertexar.com', password, '--generate')
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('exclude each other') })
    expect((await userOf('admin@vertexar.com')).hashed_password).toBe(unusableHash)
  })
})

describe.skipIf(!hasTerminals)('fleet users set-password at a terminal', () => {
  const waitFor = 'New password for admin@vertexar.com: '
  const ask = (keys: string) =>
    runInTerminal(fleet, 'users set-password admin@vertexar.com', { waitFor, act: type(keys) })

  it('asks twice, and shows nothing of what is typed', async () => {
    const { code, screen } = await ask(`${password}!\u007f\r${password}\r`)
    expect(code).toBe(0)
    expect(screen).toBe(`${waitFor}\nThe same again: \nadmin@vertexar.com has a new password.\n`)
    expect(await logsIn('admin@vertexar.com', password)).toBe(true)
  })

  it.each([
    ['two passwords that differ', 'one password\ranother one\r', 1, /the two passwords differ; nothing was changed/],
    ['a password that is refused', 'short\rshort\r', 2, /has fewer than 8 characters/],
    ['the end of the input', 'one password\r\u0004', 1, /nothing was changed/],
    ['Ctrl-C', '\u0003', 130, /^/],
  ])('changes nothing after %s', async (_, keys, code, message) => {
    const run = await ask(keys)
    expect(run.code).toBe(code)
    expect(run.screen).toMatch(message)
    expect(run.screen).not.toMatch(/one password|short\b/)
    expect((await userOf('admin@vertexar.com')).hashed_password).toBe(unusableHash)
  })

  it('does not take a password from a terminal as standard input, which would show it', async () => {
    const run = await runInTerminal(fleet, 'users set-password admin@vertexar.com --password-stdin')
    expect(run.code).toBe(2)
    expect(run.screen).toContain('standard input is a terminal')
  })
})

describe('fleet users add', () => {
  const add = (...args: string[]) => fleet.run(['users', 'add', ...args, '--password-stdin'], { input: password })

  it('adds a user who can log in, and says so in the audit log', async () => {
    expect(await add('boss@example.org', '--name', 'Анна Ли', '--role', 'manager')).toEqual({
      code: 0,
      stdout: 'Added boss@example.org as manager.\n',
      stderr: '',
    })
    const user = await userOf('boss@example.org')
    expect(user).toMatchObject({ full_name: 'Анна Ли', role: 'manager', is_active: true, login_attempts: 0 })
    expect(await logsIn('boss@example.org', password)).toBe(true)
    expect(await auditLog()).toEqual([
      {
        action: 'create',
        entity_type: 'user',
        entity_id: user.id,
        changes: { email: 'boss@example.org', full_name: 'Анна Ли', role: 'manager' },
        actor_email: expect.stringMatching(/^ann@/),
      },
    ])
  })

  it('gives the least role unless told, and can make the password', async () => {
    const { document } = await fleet.json(['users', 'add', 'eve@example.org', '--name', 'Eve', '--generate'])
    expect(document).toEqual({
      id: expect.any(Number),
      email: 'eve@example.org',
      name: 'Eve',
      role: 'viewer',
      password: expect.stringMatching(/^\w{4}(-\w{4}){4}$/),
    })
    expect(await logsIn('eve@example.org', (document as { password: string }).password)).toBe(true)
  })

  it('refuses an address that another user has, in whatever case', async () => {
    expect(await add('ADMIN@vertexar.com', '--name', 'x')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'error: there is a user with the address admin@vertexar.com\n' +
        'hint: to give it another password: fleet users set-password admin@vertexar.com\n',
    })
    expect(await auditLog()).toEqual([])
  })

  it('adds one user where two are added at once', async () => {
    const runs = await Promise.all([add('eve@example.org', '--name', 'A'), add('eve@example.org', '--name', 'B')])
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 1])
    expect(await auditLog()).toHaveLength(1)
  })

  it.each([
    ['what is no address', ['ann', '--name', 'x'], /It has no @; expected name@example.org/],
    [
      'a role that there is not',
      ['a@example.org', '--name', 'x', '--role', 'root'],
      /Expected admin, manager or viewer/,
    ],
    ['no name', ['a@example.org'], /--name/],
    ['an empty name', ['a@example.org', '--name', ' '], /Expected some text/],
  ])('refuses %s', async (_, args, reason) => {
    const { code, stderr } = await add(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(reason)
  })
})

describe('fleet users unlock', () => {
  it('forgets failed logins and the lock, not the password', async () => {
    const lockedUntil = new Date(Date.now() + 3_600_000)
    const id = await insertUser('ann@example.org', { login_attempts: 5, locked_until: lockedUntil })
    const { code, stdout } = await fleet.run(['users', 'unlock', 'ann@example.org'])
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'ann@example.org is no longer locked; 5 failed logins forgotten.\n',
    })
    expect(await userOf('ann@example.org')).toMatchObject({
      login_attempts: 0,
      locked_until: null,
      hashed_password: 'x',
    })
    expect(await auditLog()).toMatchObject([{ action: 'unlock', entity_type: 'user', entity_id: id }])
    expect((await fleet.run(['users', 'unlock', 'ann@example.org'])).stdout).toBe('ann@example.org was not locked.\n')
  })
})

describe('fleet users list', () => {
  it('shows who may log in, whether a password is set, and who is locked out', async () => {
    const at = (text: string) => new Date(text)
    await insertUser('zoe@example.org', {
      hashed_password: `$2y$10$${'x'.repeat(53)}`,
      role: 'manager',
      last_login_at: at('2026-11-20T10:00:00Z'),
      locked_until: at('2099-01-01T00:00:00Z'),
      login_attempts: 7,
    })
    await insertUser('Bob@example.org', {
      hashed_password: '$argon2id$v=19$m=65536',
      full_name: 'Two\nlines',
      is_active: false,
      locked_until: at('2020-01-01T00:00:00Z'),
    })
    const { code, stdout, stderr } = await fleet.run(['users', 'list'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^EMAIL +NAME +ROLE +ACTIVE +PASSWORD +LAST LOGIN +LOCKED UNTIL$/),
      expect.stringMatching(/^admin@vertexar.com +Administrator +admin +yes +none yet +- +-$/),
      expect.stringMatching(/^Bob@example.org +Two lines +viewer +no +not bcrypt +- +-$/),
      expect.stringMatching(/^zoe@.* +manager +yes +set +2026-11-20T10:00:00.000Z +2099-01-01T00:00:00.000Z$/),
    ])
    const { document } = await fleet.json(['users', 'list'])
    expect(document).toMatchObject({ users: [{ password: 'unset' }, { password: 'unreadable' }, { password: 'set' }] })
    expect((document as { users: unknown[] }).users[2]).toEqual({
      id: expect.any(Number),
      email: 'zoe@example.org',
      name: 'Somebody',
      role: 'manager',
      active: true,
      password: 'set',
      lastLoginAt: '2026-11-20T10:00:00.000Z',
      loginAttempts: 7,
      lockedUntil: '2099-01-01T00:00:00.000Z',
    })
    expect(JSON.stringify(document)).not.toContain('$')
  })
})

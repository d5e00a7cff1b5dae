import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startEmbedded } from '../../src/db/embedded/embedded.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet, type Run } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
let empty: TestDatabase
beforeAll(async () => {
  ;[database, empty, fleet] = await Promise.all([createTestDatabase(), createEmptyTestDatabase(), createFleet()])
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop(), empty.drop()]))

describe('a database out of reach ends with 4', () => {
  const unreachable = (hint: RegExp, code = 'DATABASE_UNREACHABLE') => ({
    code: 4,
    document: { error: { code, message: expect.any(String), hint: expect.stringMatching(hint) } },
  })

  it('where nothing listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    const env = { DATABASE_URL: `postgres://ann:secret@127.0.0.1:${port}/fleet` }
    const { code, document } = await fleet.json(['status'], { env })
    expect({ code, document }).toEqual(unreachable(/PostgreSQL is running/))
    expect(JSON.stringify(document)).toContain(`127.0.0.1:${port}/fleet`)
    expect(JSON.stringify(document)).not.toContain('secret')
  })

  it('where the password is wrong, or there is no such database', async () => {
    const wrongPassword = new URL(database.url)
    wrongPassword.password = 'wrong'
    const wrongName = new URL(database.url)
    wrongName.pathname = '/nowhere'
    const runs = [wrongPassword, wrongName].map(({ href }) => fleet.json(['status'], { env: { DATABASE_URL: href } }))
    for (const run of await Promise.all(runs)) expect(run).toEqual(unreachable(/DATABASE_URL/))
  })

  it('where DATABASE_URL is not set and the embedded one does not run', async () => {
    expect(await fleet.json(['email', 'list'])).toEqual(unreachable(/start it with npm start/, 'EMBEDDED_NOT_RUNNING'))
  })

  it('where it goes away meanwhile', async () => {
    const ended = await waitingMigration(['--json', 'migrate', 'up'], async ({ backend }) => {
      await empty.pool.query('SELECT pg_terminate_backend($1)', [backend])
    })
    expect(ended.code).toBe(4)
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'DATABASE_UNREACHABLE' } })
  })
})

it('finds the embedded database that another process runs', async () => {
  const embedded = await startEmbedded({ directory: join(fleet.installation.directory, '.fleet') })
  try {
    expect(await fleet.run(['migrate', 'current'])).toEqual({
      code: 0,
      stdout: 'No migration is applied.\n',
      stderr: '',
    })
  } finally {
    await embedded.stop()
  }
})

it('tells all faults of the configuration, and ends with 78', async () => {
  const env = { DATABASE_URL: 'mysql://ann:secret@db/fleet', EMAIL_CONCURRENCY: 'many' }
  const { code, document } = await fleet.json(['status'], { env })
  expect({ code, document }).toEqual({
    code: 78,
    document: {
      error: {
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/DATABASE_URL[\s\S]*EMAIL_CONCURRENCY/),
        hint: expect.any(String),
      },
    },
  })
  expect(JSON.stringify(document)).not.toContain('secret')
})

it('warns on standard error of what is doubtful in the configuration', async () => {
  const { code, stdout, stderr } = await fleet.run(['--json', 'email', 'list'], {
    env: { DATABASE_URL: database.url, SMTP_UR: 'smtp://localhost' },
  })
  expect({ code, document: JSON.parse(stdout) }).toEqual({ code: 0, document: { mails: [] } })
  expect(stderr).toMatch(/^warning: SMTP_UR .*did you mean SMTP_URL/)
})

it.each([[['email', 'list']], [['status']]])('%j says what to do on a database that lacks migrations', async (args) => {
  expect(await fleet.json(args, { env: { DATABASE_URL: empty.url } })).toEqual({
    code: 1,
    document: {
      error: {
        code: 'DATABASE_NOT_MIGRATED',
        message: expect.stringMatching(/^the database lacks \d+ migrations, from 20260101000050_/),
        hint: 'apply them with: fleet migrate up',
      },
    },
  })
})

it('shows the stack of an error nobody has thought of only while debugging', async () => {
  const broken = await createTestDatabase()
  try {
    await broken.pool.query(`
      CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'the clock has stopped'; END $$`)
    const env = { DATABASE_URL: broken.url }
    const [plain, debugging] = await Promise.all([
      fleet.run(['email', 'list'], { env }),
      fleet.run(['email', 'list'], { env: { ...env, LOG_LEVEL: 'debug' } }),
    ])
    expect(plain).toEqual({ code: 1, stdout: '', stderr: 'error: the clock has stopped (SQLSTATE P0001)\n' })
    expect(debugging.stderr).toMatch(/^error: the clock has stopped.*\n[\s\S]* at /)
  } finally {
    await broken.drop()
  }
})

it('ends quietly when its reader stops reading', async () => {
  await database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body)
    SELECT 'a@example.org', repeat('s', 400), 'b' FROM generate_series(1, 300)`)
  const script = `("${fleet.path}" email list --limit 300; echo "status $?" >&2) | head -n 1`
  const child = spawn('sh', ['-c', script], { env: fleet.environment({ DATABASE_URL: database.url }) })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  expect(stdout).toMatch(/^ *ID/)
  expect(stderr).toBe('status 0\n')
})

it('ends with 130 at Ctrl-C', async () => {
  const ended = await waitingMigration(['migrate', 'up'], async ({ child }) => void child.kill('SIGINT'))
  expect(ended).toMatchObject({ code: 130, stdout: '' })
})

interface Waiting {
  readonly child: ReturnType<typeof spawn>
  readonly backend: number
}

/** Runs a command that has to wait for the migration lock, which somebody else has; does something to it then. */
async function waitingMigration(args: readonly string[], meanwhile: (waiting: Waiting) => Promise<void>): Promise<Run> {
  const holder = await empty.pool.connect()
  try {
    await holder.query(`SELECT pg_advisory_lock(hashtextextended('fleet.migrations', 0))`)
    const child = spawn(fleet.path, args, { env: fleet.environment({ DATABASE_URL: empty.url }) })
    const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    const backend = await vi.waitFor(backendThatTries, { timeout: 10_000, interval: 50 })
    await meanwhile({ child, backend })
    const [stdout, stderr, [code]] = await output
    return { code, stdout, stderr }
  } finally {
    await holder.query('SELECT pg_advisory_unlock_all()')
    holder.release()
  }
}

async function backendThatTries(): Promise<number> {
  const { rows } = await empty.pool.query<{ pid: number }>(`
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'fleet cli' AND query LIKE '%pg_try_advisory_lock%'`)
  const [backend] = rows
  if (backend === undefined) throw new Error('nobody tries yet')
  return backend.pid
}

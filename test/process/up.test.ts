import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { compare } from 'bcryptjs'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { unusableHash } from '../../src/ops/users/password.ts'
import { createEmptyTestDatabase, createTestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { freePort, readiness, scrape } from '../support/metrics-page.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

let installation: Installation
beforeEach(async () => {
  installation = await createInstallation()
})
afterEach(() => installation.remove())

interface Fleet {
  readonly child: ChildProcess
  /** What it has printed so far. */
  readonly output: () => string
  stop(): Promise<number | null>
}

/** Runs `fleet up` in a process group of its own, as a terminal does, and resolves when it says what to try next. */
async function startUp(env: Readonly<Record<string, string>> = {}): Promise<Fleet> {
  const child = spawn(join(installation.directory, 'bin/fleet'), ['up'], {
    cwd: installation.directory,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  let printed = ''
  child.stdout?.on('data', (chunk) => {
    printed += chunk
  })
  const exited = once(child, 'exit')
  const stop = async () => {
    // Ctrl-C reaches the whole group.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
    return (await exited)[0] as number | null
  }
  onTestFinished(async () => void (await stop()))
  await expect.poll(() => printed, { timeout: 30_000 }).toContain('Ctrl-C stops it.')
  return { child, output: () => printed, stop }
}

async function fleet(args: readonly string[], env: Readonly<Record<string, string>> = {}, input = '') {
  const child = spawn(join(installation.directory, 'bin/fleet'), args, {
    cwd: '/',
    env: { PATH: process.env.PATH, ...env },
  })
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { stdout, stderr, code }
}

/** As another program on this machine would. */
async function inDatabase(statement: string): Promise<Record<string, unknown>[]> {
  const { url } = JSON.parse(await readFile(join(installation.directory, '.fleet/postgres.json'), 'utf8'))
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query(statement)
  await client.end()
  return rows
}

/** Whether the platform would let its default administrator in with that password. */
async function logsIn(password: string): Promise<boolean> {
  const [user] = await inDatabase(`SELECT hashed_password AS hash FROM users WHERE email = 'admin@vertexar.com'`)
  return compare(password, String(user?.hash))
}

function mailbox(): Promise<string[]> {
  return readdir(join(installation.directory, '.fleet/mailbox')).then(
    (names) => names.filter((name) => name.endsWith('.eml')),
    () => [],
  )
}

describe('fleet up', () => {
  it('serves one page of metrics for all its workers', async () => {
    const port = await freePort()
    await startUp({ METRICS_PORT: String(port) })
    expect(await readiness(port)).toEqual({ status: 200, body: { ready: true, reasons: [] } })
    const page = await scrape(port)
    for (const worker of ['email', 'notifications', 'lifecycle']) {
      expect(page.value('fleet_build_info', { worker })).toBe(1)
      expect(page.value('fleet_workers_alive', { worker })).toBe(1)
    }
  })

  it('runs the whole fleet from nothing, is found from a second terminal, and stops with Ctrl-C', async () => {
    const up = await startUp()
    expect(up.output()).toContain('.fleet/mailbox')
    await expect.poll(() => mailbox(), { timeout: 20_000 }).toHaveLength(3)
    const outbox = join(installation.directory, '.fleet/outbox')
    await expect.poll(() => readdir(outbox).catch(() => [])).toHaveLength(1)
    const [message = ''] = await readdir(outbox)
    expect(await readFile(join(outbox, message), 'utf8')).toContain('Модель <b>Музей северного сияния</b> готова')
    // Three at once: which is written first is chance.
    const notice = (await mailbox()).find((name) => name.includes('-000002-')) ?? ''
    expect(await readFile(join(installation.directory, '.fleet/mailbox', notice), 'utf8')).toContain(
      'multipart/alternative',
    )
    expect((await stat(join(installation.directory, '.fleet'))).mode & 0o077).toBe(0)

    const sent = await fleet([
      'email',
      'send',
      '--to',
      'me@example.com',
      '--subject',
      'Hello',
      '--text',
      'It works',
      '--json',
    ])
    expect(sent).toMatchObject({ code: 0 })
    await expect.poll(() => mailbox()).toHaveLength(4)
    const list = JSON.parse((await fleet(['email', 'list', '--status', 'sent', '--json'])).stdout)
    expect(JSON.stringify(list)).toContain('me@example.com')

    const second = await fleet(['up'])
    expect(second.code).toBe(1)
    expect(second.stderr).toContain(`process ${up.child.pid}`)

    expect(await up.stop()).toBe(0)
    expect((await fleet(['email', 'list'])).code).toBe(4)
  })

  it('adds the demonstration once, and never sends it to a real server', async () => {
    const first = await startUp()
    await expect.poll(() => mailbox(), { timeout: 20_000 }).toHaveLength(3)
    await inDatabase(
      `UPDATE email_queue SET status = 'pending', scheduled_at = fleet.utc_now() + interval '1 hour' WHERE id = 1`,
    )
    await first.stop()

    const server = await startSmtpServer()
    onTestFinished(() => server.stop())
    const again = await startUp({ SMTP_URL: server.url })
    expect(again.output()).not.toContain('.fleet/mailbox')
    expect((await fleet(['email', 'send', '--to', 'me@example.com', '--subject', 'Real', '--text', 'x'])).code).toBe(0)
    await expect.poll(() => server.mails.length).toBe(1)
    expect(server.mails[0]?.header('subject')).toBe('Real')
    expect(await mailbox()).toHaveLength(3)
    expect(await inDatabase('SELECT status FROM email_queue WHERE id = 1')).toEqual([{ status: 'cancelled' }])
  })

  it('lets the administrator in with the default password, until one is set, or that of ADMIN_PASSWORD', async () => {
    const first = await startUp()
    expect(first.output()).toContain('admin@vertexar.com with the password admin123')
    expect(await logsIn('admin123')).toBe(true)
    expect((await fleet(['doctor'])).code).toBe(3)
    const setPassword = ['users', 'set-password', 'admin@vertexar.com', '--password-stdin']
    expect((await fleet(setPassword, {}, 'one of their own')).code).toBe(0)
    expect(await logsIn('one of their own')).toBe(true)
    await first.stop()

    const second = await startUp({ ADMIN_PASSWORD: 'another one' })
    expect(second.output()).toContain('admin@vertexar.com with the password in ADMIN_PASSWORD')
    expect(second.output()).not.toContain('another one')
    expect(await logsIn('another one')).toBe(true)
  }, 120_000)

  it('lets nobody in on a database that DATABASE_URL names, whatever ADMIN_PASSWORD says', async () => {
    const database = await createTestDatabase()
    onTestFinished(() => database.drop())
    const env = { DATABASE_URL: database.url, SMTP_URL: 'smtp://127.0.0.1:9', ADMIN_PASSWORD: 'correct horse' }
    const up = await startUp(env)
    expect(up.output()).toContain('ADMIN_PASSWORD counts on the embedded database only')
    expect(up.output()).not.toMatch(/correct horse|with the password/)
    expect(await database.db.selectFrom('users').select('hashed_password').execute()).toEqual([
      { hashed_password: unusableHash },
    ])
    await up.stop()
  })

  it('stops, its database included, when the terminal is closed', async () => {
    const up = await startUp()
    const exited = once(up.child, 'exit')
    up.child.kill('SIGHUP')
    expect(await exited).toEqual([0, null])
    expect((await fleet(['email', 'list'])).code).toBe(4)
  })

  it('does not migrate a database that DATABASE_URL names, but says what is pending', async () => {
    const database = await createEmptyTestDatabase()
    onTestFinished(() => database.drop())
    const up = await fleet(['up'], { DATABASE_URL: database.url, SMTP_URL: 'smtp://127.0.0.1:9' })
    expect(up.code).toBe(3)
    expect(up.stderr).toContain('20260101000100_create_clock_and_types')
    expect(up.stderr).toContain('fleet migrate up')
  })

  it('refuses a real database without SMTP_URL', async () => {
    const up = await fleet(['up'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/x' })
    expect(up.code).toBe(78)
    expect(up.stderr).toContain('SMTP_URL')
  })
})

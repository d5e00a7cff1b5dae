import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'string-width'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { insertMail, statusOf } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

/** script(1) of util-linux gives a command a terminal; elsewhere it takes other options, or is missing. */
const hasTerminals = /util-linux/.test(String(spawnSync('script', ['--version']).stdout))

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.url, TERM: 'xterm' })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() => database.pool.query('TRUNCATE email_queue RESTART IDENTITY'))

interface TerminalRun {
  readonly code: number
  /** Everything on the screen, as it was written. */
  readonly screen: string
}

/** Runs the command line in a terminal of its own, and types `keys` when a question is asked. */
async function inTerminal(command: string, { keys = '', columns = 80 } = {}): Promise<TerminalRun> {
  const script = `stty cols ${columns} rows 24; ${fleet.path} ${command}; echo "status $?"`
  const child = spawn('script', ['-qec', script, '/dev/null'], { env: { ...fleet.environment(), SHELL: '/bin/sh' } })
  let screen = ''
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString('utf8')
  })
  const closed = once(child, 'close')
  if (keys !== '') {
    await vi.waitFor(() => expect(screen).toContain('[y/N]'), { timeout: 15_000, interval: 20 })
    child.stdin.write(keys)
  }
  await closed
  const [, output = '', status = ''] = /^([\s\S]*)status (\d+)\s*$/.exec(screen.replaceAll('\r\n', '\n')) ?? []
  return { code: Number(status), screen: output }
}

describe.skipIf(!hasTerminals)('at a terminal', () => {
  it('a table fits, has colours, and tells times from now', async () => {
    const subject = 'Напоминание о подписке 漢字 '.repeat(5)
    await insertMail(database.db, {
      subject,
      status: 'failed',
      updated_at: new Date(Date.now() - 3 * 3_600_000 - 5_000),
    })
    const { code, screen } = await inTerminal('email list', { columns: 60 })
    expect(code).toBe(0)
    expect(screen).toContain('\u001b[31mfailed\u001b[39m')
    const lines = stripVTControlCharacters(screen).trimEnd().split('\n')
    expect(Math.max(...lines.map((line) => stringWidth(line)))).toBe(60)
    expect(lines[1]).toMatch(/… .*3 h ago$/)
  })

  it.each([
    ['yes', 'y\r', 0, 'pending'],
    ['no', 'n\r', 1, 'failed'],
    ['the end of the input, which is a no', '\u0004', 1, 'failed'],
    ['Ctrl-C', '\u0003', 130, 'failed'],
  ])('a change of several mails asks, and takes %s for an answer', async (_, keys, code, status) => {
    const ids = [
      await insertMail(database.db, { status: 'failed' }),
      await insertMail(database.db, { status: 'failed' }),
    ]
    const run = await inTerminal('email replay --status failed', { keys })
    expect(run.screen).toContain('Replay 2 mails (2 failed)? [y/N]')
    expect(run.code).toBe(code)
    expect(await Promise.all(ids.map((id) => statusOf(database.db, id)))).toEqual([status, status])
  })

  it('a change of one mail does not ask', async () => {
    const id = await insertMail(database.db, { status: 'failed' })
    expect(await inTerminal('email replay --status failed')).toMatchObject({ code: 0 })
    expect(await statusOf(database.db, id)).toBe('pending')
  })

  it('a migration down says what it reverts, and asks', async () => {
    const { code, screen } = await inTerminal('migrate down', { keys: 'n\r' })
    expect(code).toBe(1)
    expect(screen).toMatch(
      /This reverts, with the rows that their tables hold:\n {2}\d+_install_pgboss\n[\s\S]*Go on\? \[y\/N\]/,
    )
  })
})
